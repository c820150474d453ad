//! The adapter at the bottom of a stack.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project::pin_project;
use tower::{Layer, Service};

use super::Error;

/// Makes the error of a service able to hold refusals: `E` becomes [`Error<E>`].
///
/// Put it innermost, directly above the service:
///
/// ```
/// use mainstay::error;
/// use tower::ServiceBuilder;
///
/// let service = ServiceBuilder::new()
///     // .layer(...) the other layers
///     .layer(error::layer())
///     .service(tower::service_fn(|n: u8| async move { n.checked_add(1).ok_or("too large") }));
/// ```
pub const fn layer() -> ErrorLayer {
    ErrorLayer { _private: () }
}

/// Makes an [`ErrorService`]; see [`layer()`].
#[derive(Clone, Copy, Debug)]
pub struct ErrorLayer {
    _private: (),
}

impl<S> Layer<S> for ErrorLayer {
    type Service = ErrorService<S>;

    fn layer(&self, inner: S) -> ErrorService<S> {
        ErrorService { inner }
    }
}

/// A service whose error is wrapped in [`Error`]. It adds no state and no cost.
#[derive(Clone, Copy, Debug)]
pub struct ErrorService<S> {
    inner: S,
}

impl<S, Req> Service<Req> for ErrorService<S>
where
    S: Service<Req>,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        ResponseFuture {
            inner: self.inner.call(request),
        }
    }
}

/// The response of an [`ErrorService`].
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    inner: F,
}

impl<F, T, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(cx).map_err(Error::Inner)
    }
}
