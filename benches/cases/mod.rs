//! The services that are measured, the same for times and for instruction counts.

use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tower::{BoxError, Layer, Service};

pub(crate) mod breaker;
pub(crate) mod bulkhead;
pub(crate) mod error;
pub(crate) mod idempotency;
pub(crate) mod leader;
pub(crate) mod retry;
pub(crate) mod stack;
pub(crate) mod timeout;
pub(crate) mod web;

/// Every case by its group: `$rows` is a macro that takes them.
macro_rules! all {
    ($rows:ident) => {
        $rows! {
            floor { service }
            error { mainstay }
            timeout { mainstay, tower }
            retry { mainstay, tower, tower_backoff }
            breaker { mainstay_time_window, mainstay_count_window, mainstay_consecutive, mainstay_open }
            bulkhead { mainstay, tower }
            idempotency { mainstay_hit, mainstay_miss }
            stack { mainstay, tower }
            leader { mainstay_leads, mainstay_follows, mainstay_fencing }
            web {
                floor,
                mainstay_trace_server,
                mainstay_trace_client,
                mainstay_trace_both,
                mainstay_trace_current,
                mainstay_trace_values,
                mainstay_trace_normalize,
                mainstay_deadline_server,
                mainstay_deadline_both,
                mainstay_body_timeout,
                mainstay_replay_body,
                mainstay_idempotency_key,
                mainstay_respond,
                mainstay_respond_grpc,
            }
        }
    };
}

pub(crate) use all;

/// A service that is measured, on one thread or on several that share its layer.
pub(crate) trait Case: Service<u64, Response = u64> + Clone + Send {}

impl<S: Service<u64, Response = u64> + Clone + Send> Case for S {}

/// What a case is put around: [`Answer`] or [`AnswerLater`].
pub(crate) trait Inner:
    Service<u64, Response = u64, Error = BoxError, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Inner for S where
    S: Service<u64, Response = u64, Error = BoxError, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// A runtime whose timers the cases use. Nothing is spawned on it.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
}

/// Makes one call and sees it to its end, which for every case is reached without waiting.
pub(crate) fn call<S: Service<u64, Response = u64>>(service: &mut S, request: u64) -> bool {
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
#[derive(Clone, Default)]
pub(crate) struct Answer;

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
#[derive(Clone, Default)]
pub(crate) struct AnswerLater;

/// Pends once.
pub(crate) struct Later(Option<u64>, bool);

impl Future for Later {
    type Output = Result<u64, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if std::mem::replace(&mut self.1, true) {
            return Poll::Ready(Ok(self.0.take().unwrap_or_default()));
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

pub(crate) mod floor {
    pub(crate) fn service(inner: impl super::Inner) -> impl super::Case {
        inner
    }
}

/// Settings of the cases are all in range.
pub(crate) fn layer<L, E: std::fmt::Debug, S>(layer: Result<L, E>, inner: S) -> L::Service
where
    L: Layer<S>,
{
    layer.expect("settings in range").layer(inner)
}
