//! Makes the bodies of requests repeatable.

use std::task::{Context, Poll};

use http::Request;
use http_body::Body;
use tower::{Layer, Service};

use super::ReplayBody;

/// Records request bodies as they stream, so that a retry below can send them again; see
/// [`ReplayBody`].
///
/// It stands directly above the retry layer; the services below get `Request<ReplayBody<B>>`.
#[derive(Clone, Copy, Debug)]
pub struct ReplayBodyLayer {
    cap: usize,
}

impl Default for ReplayBodyLayer {
    fn default() -> Self {
        Self { cap: 64 * 1024 }
    }
}

impl ReplayBodyLayer {
    /// Records up to 64 KiB of each body.
    pub fn new() -> Self {
        Self::default()
    }

    /// The most bytes of data and trailers that are kept of one body. Default 64 KiB. At 0 only
    /// requests without a body can be repeated.
    #[must_use]
    pub const fn cap(mut self, bytes: usize) -> Self {
        self.cap = bytes;
        self
    }
}

impl<S> Layer<S> for ReplayBodyLayer {
    type Service = RecordBody<S>;

    fn layer(&self, inner: S) -> RecordBody<S> {
        RecordBody {
            inner,
            cap: self.cap,
        }
    }
}

/// Makes the bodies of requests repeatable; made by [`ReplayBodyLayer`].
#[derive(Clone, Copy, Debug)]
pub struct RecordBody<S> {
    inner: S,
    cap: usize,
}

impl<S, B> Service<Request<B>> for RecordBody<S>
where
    S: Service<Request<ReplayBody<B>>>,
    B: Body + Unpin + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.inner.call(ReplayBody::record(request, self.cap))
    }
}
