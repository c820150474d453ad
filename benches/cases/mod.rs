//! The services that are measured, the same for times and for instruction counts.
#![expect(
    unreachable_pub,
    missing_docs,
    reason = "the benches are their own only readers"
)]

use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tower::{BoxError, Layer, Service};

pub mod breaker;
pub mod bulkhead;
pub mod retry;
pub mod stack;
pub mod timeout;
pub mod timeout_pending;

/// A runtime whose timers the cases use. Nothing is spawned on it.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
}

/// Makes one call and sees it to its end, which for every case is reached without waiting.
pub fn call<S: Service<u64, Response = u64>>(service: &mut S, request: u64) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(())) = service.poll_ready(&mut cx) else {
        return false;
    };
    let mut response = pin!(service.call(black_box(request)));
    for _ in 0..2 {
        if let Poll::Ready(answer) = response.as_mut().poll(&mut cx) {
            return black_box(answer).is_ok();
        }
    }
    false
}

/// Answers at once.
#[derive(Clone)]
pub struct Answer;

impl Service<u64> for Answer {
    type Response = u64;
    type Error = BoxError;
    type Future = Ready<Result<u64, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(Ok(request))
    }
}

/// Answers at the second poll.
#[derive(Clone)]
pub struct AnswerLater;

/// Pends once.
pub struct Later(Option<u64>, bool);

impl Future for Later {
    type Output = Result<u64, BoxError>;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        if std::mem::replace(&mut self.1, true) {
            return Poll::Ready(Ok(self.0.take().unwrap_or_default()));
        }
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

pub mod floor {
    pub fn service() -> super::Answer {
        super::Answer
    }
}

/// Settings of the cases are all in range.
pub fn layer<L, E: std::fmt::Debug, S>(layer: Result<L, E>, inner: S) -> L::Service
where
    L: Layer<S>,
{
    layer.expect("settings in range").layer(inner)
}
