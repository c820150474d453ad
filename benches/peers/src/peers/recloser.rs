//! recloser's breaker, in a service.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use recloser::{AnyError, AsyncRecloser, Recloser, RecloserFuture};
use tower::{BoxError, Service};

use crate::subject::{Inner, Request};

#[derive(Clone)]
struct Guarded<S> {
    breaker: AsyncRecloser,
    inner: S,
}

/// Its error is not one of the standard library, so that no layer of tower takes it as it is.
struct Flat<F>(RecloserFuture<F, AnyError>);

impl<T, F: Future<Output = Result<T, BoxError>>> Future for Flat<F> {
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the one field is pinned whenever the whole is.
        let inner = unsafe { self.map_unchecked_mut(|flat| &mut flat.0) };
        inner.poll(cx).map_err(|error| match error {
            recloser::Error::Inner(error) => error,
            recloser::Error::Rejected => Box::new(Rejected),
        })
    }
}

#[derive(Debug)]
struct Rejected;

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("rejected")
    }
}

impl std::error::Error for Rejected {}

impl<Q: Request, S: Inner<Q>> Service<Q> for Guarded<S> {
    type Response = Q::Answer;
    type Error = BoxError;
    type Future = Flat<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        Flat(self.breaker.call(self.inner.call(request)))
    }
}

pub fn recloser() -> Recloser {
    Recloser::custom()
        .error_rate(0.5)
        .closed_len(100)
        .open_wait(Duration::from_secs(3600))
        .build()
}

pub fn breaker<Q: Request>(inner: impl Inner<Q>) -> impl Inner<Q> {
    let breaker = AsyncRecloser::from(recloser());
    Guarded { breaker, inner }
}
