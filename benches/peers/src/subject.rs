//! What is asked and answered, and how one thread makes a batch of calls.

use std::fmt::Debug;
use std::future::{Ready, poll_fn, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use http::{HeaderName, HeaderValue};
use tower::{BoxError, Service};

pub const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// The request that [`Answer`] fails.
pub const FAIL: u64 = u64::MAX;

/// A request with a number, and what becomes of it.
pub trait Request: Clone + Debug + Send + Sync + 'static {
    type Answer: Send + 'static;
    fn numbered(number: u64) -> Self;
    fn answer(self) -> Result<Self::Answer, BoxError>;
    fn worth(answer: &Self::Answer) -> u64;
}

impl Request for u64 {
    type Answer = Self;

    fn numbered(number: u64) -> Self {
        number
    }

    fn answer(self) -> Result<Self, BoxError> {
        if self == FAIL {
            return Err("it fails".into());
        }
        Ok(self + 1)
    }

    fn worth(answer: &Self) -> u64 {
        *answer
    }
}

pub type Http = http::Request<()>;

impl Request for Http {
    type Answer = http::Response<()>;

    /// Of a trace, as it comes from a peer.
    fn numbered(_number: u64) -> Self {
        with_header("traceparent", PARENT)
    }

    fn answer(self) -> Result<Self::Answer, BoxError> {
        Ok(http::Response::new(()))
    }

    fn worth(answer: &Self::Answer) -> u64 {
        answer.status().as_u16().into()
    }
}

fn with_header(name: &'static str, value: &'static str) -> Http {
    let mut request = Http::new(());
    let (name, value) = (
        HeaderName::from_static(name),
        HeaderValue::from_static(value),
    );
    request.headers_mut().insert(name, value);
    request
}

/// Whose caller waits for half a minute.
pub fn timed(_number: u64) -> Http {
    with_header("x-request-timeout-ms", "30000")
}

/// What a layer is put around.
pub trait Inner<Q: Request>:
    Service<Q, Response = Q::Answer, Error = BoxError, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<Q: Request, S> Inner<Q> for S where
    S: Service<Q, Response = Q::Answer, Error = BoxError, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// What comes of it. The error is the layer's own.
pub trait Call<Q: Request>:
    Service<Q, Response = Q::Answer, Error: Debug + Send, Future: Send + 'static>
    + Clone
    + Send
    + 'static
{
}

impl<Q: Request, S> Call<Q> for S where
    S: Service<Q, Response = Q::Answer, Error: Debug + Send, Future: Send + 'static>
        + Clone
        + Send
        + 'static
{
}

/// Answers at once.
#[derive(Clone, Debug)]
pub struct Answer;

impl<Q: Request> Service<Q> for Answer {
    type Response = Q::Answer;
    type Error = BoxError;
    type Future = Ready<Result<Q::Answer, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Q) -> Self::Future {
        ready(request.answer())
    }
}

/// Answers at the second poll.
#[derive(Clone, Debug)]
pub struct AnswerLater;

#[derive(Debug)]
pub struct Later(Option<u64>, bool);

impl Future for Later {
    type Output = Result<u64, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if std::mem::replace(&mut self.1, true) {
            return Poll::Ready(self.0.take().unwrap_or(FAIL).answer());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Service<u64> for AnswerLater {
    type Response = u64;
    type Error = BoxError;
    type Future = Later;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Later {
        Later(Some(request), false)
    }
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub answers: u64,
    pub errors: u64,
    pub sum: u64,
}

impl Tally {
    pub fn add<E>(&mut self, outcome: Result<u64, E>) {
        match outcome {
            Ok(worth) => {
                self.answers += 1;
                self.sum = self.sum.wrapping_add(worth);
            }
            Err(_) => self.errors += 1,
        }
    }
}

/// What has to come of every batch.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// Each number is answered with the next.
    Next,
    /// Each request is answered with what is worth this.
    Each(u64),
    /// Each is refused.
    Refused,
}

impl Outcome {
    pub fn assert(self, calls: u64, tally: Tally) {
        let (answers, sum) = match self {
            // The numbers are taken off again where the calls are made.
            Self::Next => (calls, calls),
            Self::Each(worth) => (calls, calls.wrapping_mul(worth)),
            Self::Refused => (0, 0),
        };
        let expected = Tally {
            answers,
            errors: calls - answers,
            sum,
        };
        assert_eq!(tally, expected, "a batch of {calls} calls");
    }
}

/// Makes so many calls, one after the other.
pub type Worker = Box<dyn FnMut(u64) -> Tally + Send>;

/// A service, from which each thread gets a worker of its own.
pub struct Subject {
    pub worker: Box<dyn FnMut() -> Worker>,
    /// The bytes of the future of one call.
    pub future: usize,
    pub outcome: Outcome,
}

/// Polls until it is ready. Nothing that is measured waits for another thread for long.
pub fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..100_000_000_u64 {
        // A task polls what lies in memory, and does not know what it polls.
        if let Poll::Ready(output) = black_box(future.as_mut()).poll(&mut cx) {
            return output;
        }
    }
    unreachable!("a call waits for what never comes")
}

/// One call, from readiness to its end. A service that another thread has locked may not be ready at once.
#[inline]
pub fn call<Q: Request, S: Call<Q>>(service: &mut S, request: Q) -> Result<u64, S::Error> {
    let mut cx = Context::from_waker(Waker::noop());
    // What it was before this call is not known either.
    let service = black_box(service);
    let ready = match service.poll_ready(&mut cx) {
        Poll::Ready(ready) => ready,
        Poll::Pending => now(poll_fn(|cx| service.poll_ready(cx))),
    };
    ready?;
    let answer = now(service.call(black_box(request)));
    black_box(&answer);
    answer.map(|answer| Q::worth(&answer))
}

/// Calls a clone of a service on each thread.
pub fn subject<Q: Request, S: Call<Q>>(
    outcome: Outcome,
    request: fn(u64) -> Q,
    service: S,
) -> Subject {
    let worker = move || -> Worker {
        let mut service = service.clone();
        Box::new(move |calls| {
            let mut tally = Tally::default();
            for number in 0..calls {
                let worth = call(&mut service, request(number));
                tally.add(worth.map(|worth| match outcome {
                    Outcome::Next => worth.wrapping_sub(number),
                    Outcome::Each(_) | Outcome::Refused => worth,
                }));
            }
            tally
        })
    };
    Subject {
        worker: Box::new(worker),
        future: size_of::<S::Future>(),
        outcome,
    }
}

/// Numbers in, numbers out.
pub fn numbers(service: impl Call<u64>) -> Subject {
    subject(Outcome::Next, Request::numbered, service)
}

/// Requests and responses of HTTP.
pub fn http(service: impl Call<Http>) -> Subject {
    subject(Outcome::Each(200), Request::numbered, service)
}

/// A service that answers nothing any more.
pub fn refusing(service: impl Call<u64>) -> Subject {
    subject(Outcome::Refused, Request::numbered, service)
}

/// What is no service: `work` gets a number, and gives its outcome.
pub fn work<W, E>(outcome: Outcome, future: usize, work: W) -> Subject
where
    W: FnMut(u64) -> Result<u64, E> + Clone + Send + 'static,
{
    let worker = move || -> Worker {
        let mut work = work.clone();
        Box::new(move |calls| {
            let mut tally = Tally::default();
            for number in 0..calls {
                let worth = black_box(work(black_box(number)).map_err(drop));
                tally.add(worth.map(|worth| match outcome {
                    Outcome::Next => worth.wrapping_sub(number),
                    Outcome::Each(_) | Outcome::Refused => worth,
                }));
            }
            tally
        })
    };
    Subject {
        worker: Box::new(worker),
        future,
        outcome,
    }
}
