//! The service at the bottom of a stack under test.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project::{pin_project, pinned_drop};
use tower::Service;

use crate::time;
use crate::timer::Timer;

use super::act::{End, When};
use super::token::Counted;
use super::watch::{State, What};
use super::{Act, Failed, Readiness, Token, Watch};

const NOT_READY: &str = "the probe was called without a fresh `Ready` from `poll_ready` on that \
     very instance; a clone does not inherit it, so call the instance that was made ready \
     (`mem::replace` the clone in its place)";
const ENDED: &str =
    "`poll_ready` was called on an instance of the probe whose readiness had failed";
const POLLED_AGAIN: &str = "the probe's future was polled again after it was ready";

/// A service that does what its [`Watch`] says.
///
/// It holds its callers to the contract of [`tower::Service`], and panics when one breaks it: by a
/// `call` without a fresh `Ready` on that very instance, by a further `poll_ready` after one failed,
/// by a poll of a future that has ended. As a layer may swallow the panic, a test also looks at
/// [`Watch::violations`].
///
/// Like a service that works on its request, it holds the request until it ends the call. Requests are
/// [`Token`]s, or of any other type: `Probe::<http::Request<()>>::default()`. It answers with a
/// [`Token`]; for a layer that needs another response, put `map_response` of tower's `ServiceBuilder`
/// directly above it.
#[derive(Debug)]
pub struct Probe<Req = Token> {
    state: Arc<State>,
    number: u64,
    ready: Ready,
    _counted: Counted,
    _request: PhantomData<fn(Req)>,
}

/// Whether one instance may be called.
#[derive(Debug)]
enum Ready {
    No,
    Yes { _reserved: Counted },
    Failed,
}

/// A probe that is ready and answers at once.
impl<Req> Default for Probe<Req> {
    fn default() -> Self {
        Self::instance(Arc::default())
    }
}

impl Probe {
    /// A probe that is ready and answers at once, for requests made by [`Watch::request`].
    pub fn new() -> Self {
        Self::default()
    }
}

impl<Req> Probe<Req> {
    fn instance(state: Arc<State>) -> Self {
        Self {
            number: state.number_instance(),
            ready: Ready::No,
            _counted: Counted::new(&state, What::Instance),
            _request: PhantomData,
            state,
        }
    }

    /// The view from outside of this probe and all its clones.
    pub fn watch(&self) -> Watch {
        Watch {
            state: Arc::clone(&self.state),
        }
    }
}

/// By hand: a clone is an instance of its own, which nobody has made ready.
impl<Req> Clone for Probe<Req> {
    fn clone(&self) -> Self {
        Self::instance(Arc::clone(&self.state))
    }
}

impl<Req> Drop for Probe<Req> {
    fn drop(&mut self) {
        self.state.forget_instance(self.number);
    }
}

impl<Req> Service<Req> for Probe<Req> {
    type Response = Token;
    type Error = Failed;
    type Future = ProbeFuture<Req>;

    #[expect(clippy::panic, reason = "it was told to")]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        match self.ready {
            Ready::Yes { .. } => return Poll::Ready(Ok(())),
            Ready::Failed => self.state.violated(ENDED),
            Ready::No => {}
        }
        match self.state.readiness(self.number, cx.waker()) {
            Readiness::Ready => {
                let reserved = Counted::new(&self.state, What::Readied);
                self.ready = Ready::Yes {
                    _reserved: reserved,
                };
                Poll::Ready(Ok(()))
            }
            Readiness::Pending => Poll::Pending,
            Readiness::Fail => {
                self.ready = Ready::Failed;
                Poll::Ready(Err(Failed::new(&self.state, 0)))
            }
            Readiness::Panic => panic!("the probe panics in poll_ready, as it was told"),
        }
    }

    fn call(&mut self, request: Req) -> ProbeFuture<Req> {
        let Ready::Yes { .. } = std::mem::replace(&mut self.ready, Ready::No) else {
            self.state.violated(NOT_READY);
        };
        let (number, act) = self.state.number_call();
        assert!(
            act.end != End::PanicInCall,
            "the probe panics in call {number}, as it was told"
        );
        ProbeFuture::new(&self.state, number, act, request)
    }
}

/// The response of a [`Probe`].
#[pin_project(PinnedDrop)]
#[derive(Debug)]
pub struct ProbeFuture<Req> {
    call: u64,
    end: End,
    wait: Wait,
    #[pin]
    timer: Timer,
    working: Option<Working<Req>>,
    state: Arc<State>,
    _counted: Counted,
}

/// What is left to wait for.
#[derive(Debug)]
enum Wait {
    Polls(u32),
    Until(time::Instant),
    Timer,
    Release,
}

/// What a call holds until it ends.
#[derive(Debug)]
struct Working<Req> {
    _request: Req,
    _counted: Counted,
}

impl<Req> ProbeFuture<Req> {
    fn new(state: &Arc<State>, call: u64, act: Act, request: Req) -> Self {
        let wait = match act.when {
            When::AtOnce => Wait::Polls(0),
            When::AfterPolls(polls) => Wait::Polls(polls),
            When::After(wait) => time::after(time::now(), wait).map_or(Wait::Release, Wait::Until),
            When::Released => Wait::Release,
        };
        Self {
            call,
            end: act.end,
            wait,
            timer: Timer::unarmed(),
            working: Some(Working {
                _request: request,
                _counted: Counted::new(state, What::Running),
            }),
            state: Arc::clone(state),
            _counted: Counted::new(state, What::Future),
        }
    }

    fn poll_wait(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if let Wait::Until(at) = *this.wait {
            this.timer.as_mut().arm(Some(at));
            *this.wait = Wait::Timer;
        }
        match this.wait {
            Wait::Polls(0) => Poll::Ready(()),
            Wait::Polls(left) => {
                *left = left.saturating_sub(1);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Wait::Until(_) | Wait::Timer => this.timer.poll_fired(cx),
            Wait::Release if this.state.is_released(*this.call, cx.waker()) => Poll::Ready(()),
            Wait::Release => Poll::Pending,
        }
    }
}

impl<Req> Future for ProbeFuture<Req> {
    type Output = Result<Token, Failed>;

    #[expect(clippy::panic, reason = "it was told to")]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.working.is_none() {
            self.state.violated(POLLED_AGAIN);
        }
        ready!(self.as_mut().poll_wait(cx));
        let this = self.project();
        *this.working = None;
        Poll::Ready(match this.end {
            End::Answer => Ok(Token::new(this.state, What::Response, *this.call)),
            End::Fail => Err(Failed::new(this.state, *this.call)),
            End::Panic | End::PanicInCall => {
                panic!(
                    "the probe panics in the future of call {}, as it was told",
                    this.call
                )
            }
        })
    }
}

#[pinned_drop]
impl<Req> PinnedDrop for ProbeFuture<Req> {
    fn drop(self: Pin<&mut Self>) {
        self.state.forget_call(self.call);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::task::Waker;

    use super::*;
    use crate::test_util::CountingWaker;

    fn cx() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    fn make_ready(probe: &mut Probe) -> Poll<Result<(), Failed>> {
        probe.poll_ready(&mut cx())
    }

    fn panics<R>(run: impl FnOnce() -> R) -> bool {
        catch_unwind(AssertUnwindSafe(run)).is_err()
    }

    #[test]
    fn readiness_is_of_one_instance_and_of_one_call() {
        let mut probe = Probe::new();
        let watch = probe.watch();
        assert!(make_ready(&mut probe).is_ready());
        assert_eq!(watch.alive().readied(), 1);

        assert!(panics(|| probe.clone().call(watch.request())), "a clone");
        drop(probe.call(watch.request()));
        assert!(panics(|| probe.call(watch.request())), "it was used");
        assert_eq!(watch.violations(), [NOT_READY, NOT_READY]);
        assert_eq!((watch.alive().readied(), watch.calls()), (0, 1));
    }

    #[test]
    fn an_instance_that_failed_and_a_future_that_ended_are_not_polled_again() {
        let mut probe = Probe::new();
        let watch = probe.watch();
        assert!(make_ready(&mut probe).is_ready());
        let mut call = Box::pin(probe.call(watch.request()));
        assert!(call.as_mut().poll(&mut cx()).is_ready());
        assert!(panics(|| call.as_mut().poll(&mut cx())));

        watch.readiness(Readiness::Fail);
        assert!(matches!(make_ready(&mut probe), Poll::Ready(Err(_))));
        assert!(panics(|| make_ready(&mut probe)));
        assert_eq!(watch.violations(), [POLLED_AGAIN, ENDED]);
    }

    #[test]
    fn what_is_alive_is_counted_until_it_is_dropped() {
        let mut probe = Probe::new();
        let watch = probe.watch();
        let idle = watch.alive();
        watch.play([Act::hang(), Act::fail()]);
        let waker = CountingWaker::new();

        assert!(make_ready(&mut probe).is_ready());
        let mut hung = Box::pin(probe.call(watch.request()));
        assert!(waker.poll_once(hung.as_mut()).is_pending());
        let alive = watch.alive();
        assert_eq!((alive.requests(), alive.futures()), (1, 1));

        assert!(make_ready(&mut probe).is_ready());
        let mut failing = Box::pin(probe.call(watch.request()));
        assert_eq!(watch.running_max(), 2);
        let Poll::Ready(Err(failed)) = waker.poll_once(failing.as_mut()) else {
            panic!("it was to fail");
        };
        assert_eq!((failed.call(), watch.alive().errors()), (2, 1));
        assert_eq!((watch.alive().running(), watch.alive().futures()), (1, 2));

        drop((failed, failing, hung));
        assert_eq!(watch.alive(), idle);
        assert!(!waker.is_kept(), "a waker outlived its future");
    }

    #[test]
    fn requests_may_be_of_any_type() {
        let mut probe = Probe::<&str>::default();
        assert!(probe.poll_ready(&mut cx()).is_ready());
        drop(probe.call("any"));
        assert_eq!(probe.watch().calls(), 1);
    }

    #[test]
    fn what_was_pending_is_woken_when_it_may_go_on() {
        let mut probe = Probe::new();
        let watch = probe.watch();
        let waker = CountingWaker::new();
        watch.readiness(Readiness::Pending);
        let mut cx = Context::from_waker(waker.waker());
        assert!(probe.poll_ready(&mut cx).is_pending());
        watch.readiness(Readiness::Ready);
        assert_eq!(waker.wakes(), 1);
        assert!(make_ready(&mut probe).is_ready());

        watch.otherwise(Act::fail().when_released());
        let mut call = Box::pin(probe.call(watch.request()));
        assert!(waker.poll_once(call.as_mut()).is_pending());
        watch.release();
        assert_eq!(waker.wakes(), 2);
        assert!(waker.poll_once(call.as_mut()).is_ready());
    }
}
