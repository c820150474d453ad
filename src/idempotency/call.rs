//! One call under a key, from its fingerprint to its answer.

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;
use tokio::runtime::Handle;
use tower::Service;

use crate::context::Deadline;
use crate::error::{Executed, Kind, StackError};
use crate::rng::Rng;
use crate::telemetry::End;
use crate::time;
use crate::timer::Timer;

use super::execution::{
    Answer, Asked, Chore, Grant, Outcome, Run, Running, Slot, Surroundings, claiming, replay,
};
use super::limit::Limited;
use super::refusal::{Failure, Refusal};
use super::shared::{PartsTally, Shared};
use super::wait::Waiting;
use super::{
    Capture, Claim, Duplicates, Fingerprint, IdempotencyConfig, Owner, Prepare, Store, StoreDown,
    StoreKey,
};

/// By what a call asks for its key.
pub(super) struct Asker {
    pub(super) key: StoreKey,
    pub(super) owner: Owner,
    /// For the pauses of one that waits.
    pub(super) rng: Rng,
}

/// With what a call runs.
pub(super) struct Runner<S> {
    pub(super) inner: S,
    pub(super) surroundings: Surroundings,
}

/// A call under a key. It is one box, of which most repeats need no more: it awaits what a request is
/// read by and what a store is asked by, and their futures have no names. Dropped, it leaves.
pub(super) struct Boxed<O, E>(Option<Pin<Box<dyn Call<O, E>>>>);

trait Call<O, E>: Send {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<O, E>>;

    /// Its caller is gone, or has its answer.
    fn leave(self: Pin<Box<Self>>);
}

impl<O, E> Boxed<O, E> {
    #[expect(clippy::expect_used, reason = "it is there until it is dropped")]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<O, E>> {
        let call = self.0.as_mut().expect("dropped");
        call.as_mut().poll(cx)
    }
}

impl<O, E> Drop for Boxed<O, E> {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call.leave();
        }
    }
}

/// Begins a call. Nothing is claimed before the whole request is there.
pub(super) fn keyed<S, Req, P, C, T>(
    tally: PartsTally<P, C, T>,
    request: Req,
    asker: Asker,
    runner: Runner<S>,
) -> Boxed<C::Outer, S::Error>
where
    Req: Send + 'static,
    P: Prepare<Req, Inner: Send + 'static>,
    S: Service<P::Inner, Future: Send, Response: Send> + Send + 'static,
    S::Error: StackError + Send + 'static,
    C: Capture<S::Response, S::Error, Outer: Send + 'static>,
    T: Store,
{
    let deadline = runner.surroundings.deadline();
    let keyed = Keyed {
        stage: Stage::Reading(reading(tally, request, deadline)),
        asks: claiming::<T>,
        runs: Run::detach::<Req>,
        on_its_way: None,
        deadline: None,
        tally: None,
        request: None,
        asker,
        runner: Some(runner),
    };
    Boxed(Some(Box::pin(keyed)))
}

/// A call, and what it holds at whatever stage it is.
#[pin_project]
struct Keyed<S, I, P, C, T: Store, O, E, R, A> {
    #[pin]
    stage: Stage<T, O, E, R, A>,
    asks: fn(Grant<T>) -> A,
    runs: Runs<S, I, P, C, T, O, E>,
    /// By what a claim that is on its way can be seen to its end. `None` when there is none, or its store
    /// has panicked: then it is not to be polled again.
    on_its_way: Option<OnItsWay<T>>,
    /// Made when a store is waited for by a caller who has a deadline. Boxed, as that is seldom.
    deadline: Option<Pin<Box<Timer>>>,
    /// With the request, while that is read.
    tally: Option<PartsTally<P, C, T>>,
    request: Option<I>,
    asker: Asker,
    runner: Option<Runner<S>>,
}

type Runs<S, I, P, C, T, O, E> = fn(Run<S, I, P, C, T>) -> Running<O, E>;

struct OnItsWay<T> {
    runtime: Handle,
    shared: Arc<Shared<T>>,
}

#[pin_project(project = StageProjection)]
enum Stage<T: Store, O, E, R, A> {
    Reading(#[pin] R),
    Asking(#[pin] A),
    /// For another call with the key. Boxed, as the next is: few come here, and all would have their room.
    Waiting(Pin<Box<dyn Future<Output = Result<Asked<T>, Refusal>> + Send>>),
    /// The key, and why.
    GivingBack(Pin<Box<dyn Future<Output = Kind> + Send>>),
    Running(Running<O, E>),
}

/// What a request is, and the call that it was read for.
type Read<P, C, T, I> = (PartsTally<P, C, T>, Result<(I, Fingerprint), Refusal>);

/// Reads a request, no longer than until its deadline.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` has a second place for each of its arguments"
)]
fn reading<Req, P, C, T>(
    tally: PartsTally<P, C, T>,
    request: Req,
    deadline: Deadline,
) -> impl Future<Output = Read<P, C, T, P::Inner>> + Send + 'static
where
    Req: Send + 'static,
    P: Prepare<Req, Inner: Send>,
    C: Send + Sync + 'static,
    T: Store,
{
    async move {
        if deadline != Deadline::NEVER && deadline.has_passed(time::now()) {
            return (tally, Err(too_late()));
        }
        let reading = tally.prepare.fingerprint(request);
        let read = match Limited::new(reading, || deadline.instant()).await {
            Ok(read) => read.map_err(Refusal::from),
            Err(_) => Err(too_late()),
        };
        (tally, read)
    }
}

fn too_late() -> Refusal {
    Refusal::new(Kind::DeadlineExceeded, Executed::No)
}

impl<S, I, P, C, T, O, E, R, A> Keyed<S, I, P, C, T, O, E, R, A>
where
    C: Capture<S::Response, E, Outer = O>,
    E: StackError,
    S: Service<I, Error = E>,
    T: Store,
    R: Future<Output = Read<P, C, T, I>>,
    A: Future<Output = Asked<T>>,
{
    /// Ready when there is nothing to be waited for at this stage; with `None` at the next one.
    ///
    /// A stage is set where it is made, and not handed up: it is large.
    fn poll_stage(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<O, Failure<E>>>> {
        let mut this = self.as_mut().project();
        let asked = match this.stage.as_mut().project() {
            StageProjection::Reading(reading) => {
                let (tally, read) = ready!(reading.poll(cx));
                let tally = this.tally.insert(tally);
                let (request, fingerprint) = match read {
                    Ok(read) => read,
                    Err(refusal) => return Poll::Ready(Some(Err(refusal.into()))),
                };
                *this.request = Some(request);
                let config = tally.shared.config();
                let claim = this.asker.claim(fingerprint, &config);
                let grant = Grant::unasked(&tally.shared, claim, config);
                this.stage.set(Stage::Asking((this.asks)(grant)));
                return Poll::Ready(None);
            }
            StageProjection::Asking(asking) => {
                let on_its_way = this.on_its_way.take();
                let asked = asking.poll(cx);
                if asked.is_pending() {
                    *this.on_its_way = on_its_way.or_else(|| {
                        let tally = this.tally.as_ref()?;
                        Some(OnItsWay {
                            runtime: Handle::current(),
                            shared: Arc::clone(&tally.shared),
                        })
                    });
                }
                asked.map(Ok)
            }
            StageProjection::Waiting(waiting) => waiting.as_mut().poll(cx),
            StageProjection::GivingBack(giving_back) => {
                let kind = ready!(giving_back.as_mut().poll(cx));
                return Poll::Ready(Some(Err(Refusal::for_now(kind).into())));
            }
            StageProjection::Running(running) => {
                return Pin::new(running).poll(cx).map(Some);
            }
        };
        match asked {
            Poll::Ready(Ok(asked)) => Poll::Ready(self.asked(asked)),
            Poll::Ready(Err(refusal)) => Poll::Ready(Some(Err(refusal.into()))),
            Poll::Pending => {
                ready!(self.poll_deadline(cx));
                Poll::Ready(Some(Err(too_late().into())))
            }
        }
    }

    /// Ready at the deadline of the caller.
    fn poll_deadline(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let deadline = match this.runner {
            Some(runner) => runner.surroundings.deadline(),
            None => Deadline::NEVER,
        };
        if deadline == Deadline::NEVER {
            return Poll::Pending;
        }
        let armed = || Box::pin(Timer::armed(deadline.instant()));
        let timer = this.deadline.get_or_insert_with(armed);
        timer.as_mut().poll_fired(cx)
    }

    /// The store has answered.
    #[expect(
        clippy::expect_used,
        reason = "a call has all of it until it runs, and asks only before"
    )]
    fn asked(self: Pin<&mut Self>, (grant, answer): Asked<T>) -> Option<Result<O, Failure<E>>> {
        const GONE: &str = "it runs already";
        let mut this = self.project();
        let tally = this.tally.as_ref().expect(GONE);
        let refused = match answer {
            Answer::Granted => None,
            Answer::Silent(_) if grant.config.store_down == StoreDown::Run => None,
            Answer::Silent(cause) => Some(Refusal::for_now(Kind::StoreUnavailable).because(cause)),
            Answer::Done(stored) => {
                return Some(replay(&tally.shared, &*tally.capture, stored));
            }
            Answer::InFlight(lease_left) => match grant.config.duplicates {
                Duplicates::Wait { max } => {
                    let waiting = Waiting {
                        shared: Arc::clone(&tally.shared),
                        claim: grant.claim,
                        config: grant.config,
                        rng: mem::take(&mut this.asker.rng),
                    };
                    let waiting = Box::pin(waiting.wait(max, lease_left));
                    this.stage.set(Stage::Waiting(waiting));
                    return None;
                }
                Duplicates::Refuse => Some(Refusal::in_flight(lease_left)),
            },
            Answer::OutcomeUnknown => Some(Refusal::new(Kind::OutcomeUnknown, Executed::Unknown)),
            Answer::Mismatch => Some(Refusal::new(Kind::KeyReused, Executed::No)),
            Answer::Full => Some(Refusal::for_now(Kind::StoreFull)),
        };
        if let Some(refusal) = refused {
            return Some(Err(refusal.into()));
        }
        let slot = match Slot::take(&tally.shared, grant.config.executions) {
            Ok(slot) => slot,
            Err(kind) => {
                let mut grant = grant;
                let giving_back = async move {
                    grant.give_back().await;
                    kind
                };
                this.stage.set(Stage::GivingBack(Box::pin(giving_back)));
                return None;
            }
        };
        *this.deadline = None;
        let Runner {
            inner,
            surroundings,
        } = this.runner.take().expect(GONE);
        let running = (this.runs)(Run {
            outcome: Outcome::unbegun(grant, slot),
            inner,
            request: this.request.take().expect(GONE),
            prepare: Arc::clone(&tally.prepare),
            capture: Arc::clone(&tally.capture),
            surroundings,
        });
        this.stage.set(Stage::Running(running));
        None
    }
}

impl Asker {
    fn claim(&self, fingerprint: Fingerprint, config: &IdempotencyConfig) -> Claim {
        Claim {
            key: self.key,
            fingerprint,
            owner: self.owner,
            lease: config.lease,
            retention: config.retention,
            on_lapse: config.on_lapse,
        }
    }
}

impl<S, I, P, C, T, O, E, R, A> Call<O, E> for Keyed<S, I, P, C, T, O, E, R, A>
where
    S: Service<I, Error = E> + Send + 'static,
    I: Send + 'static,
    P: Send + Sync + 'static,
    C: Capture<S::Response, E, Outer = O>,
    T: Store,
    O: Send + 'static,
    E: StackError + Send + 'static,
    R: Future<Output = Read<P, C, T, I>> + Send + 'static,
    A: Future<Output = Asked<T>> + Send + 'static,
{
    #[expect(
        clippy::expect_used,
        reason = "only what reads has no tally, and it gives it back with whatever it read"
    )]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<O, E>> {
        let result = loop {
            if let Some(result) = ready!(self.as_mut().poll_stage(cx)) {
                break result;
            }
        };
        let this = self.project();
        let mut tally = this.tally.take().expect("it reads yet");
        Poll::Ready(match result {
            Ok(response) => {
                tally.end(End::Ok);
                Ok(response)
            }
            Err(failure) => Err(failure.count(&mut tally)),
        })
    }

    /// A claim that is on its way is seen to its end in the background, and the key is given back: a
    /// claim of which nobody hears would otherwise hold it until its lease lapses.
    fn leave(mut self: Pin<Box<Self>>) {
        let this = self.as_mut().project();
        let Some(OnItsWay { runtime, shared }) = this.on_its_way.take() else {
            return;
        };
        // The call has ended, and what it was to run with is free.
        drop((this.tally.take(), this.request.take()));
        drop((this.runner.take(), this.deadline.take()));
        let Some(chore) = Chore::take(&shared) else {
            return;
        };
        runtime.spawn(async move {
            let asked = poll_fn(|cx| match self.as_mut().project().stage.project() {
                StageProjection::Asking(asking) => asking.poll(cx),
                _ => Poll::Pending,
            });
            let (mut grant, _) = asked.await;
            grant.give_back_later(chore);
        });
    }
}
