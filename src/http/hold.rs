//! Permits that are held until a response has been read.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::bulkhead::{Hold, Permit};

/// Gives the permit back when the response's body ends, fails or is dropped.
///
/// It ends with its last frame where it says so then, with its trailers, or else when asked for more.
/// A response without a body gives it back at once.
///
/// Use it where the body is most of the work, as with downloads. Whoever holds on to a response
/// without reading it then holds the permit too.
#[derive(Clone, Copy, Debug, Default)]
pub struct UntilBodyEnd;

impl<B: Body> Hold<http::Response<B>> for UntilBodyEnd {
    type Response = http::Response<HeldBody<B>>;

    fn hold(&self, response: http::Response<B>, permit: Permit) -> Self::Response {
        response.map(|body| HeldBody::new(body, permit))
    }
}

/// A body and the permit that it holds; made by [`UntilBodyEnd`].
///
/// The body goes before its permit, so that what it held is free when the next call is let in.
#[pin_project]
#[derive(Debug)]
pub struct HeldBody<B> {
    #[pin]
    inner: B,
    permit: Option<Permit>,
}

impl<B: Body> HeldBody<B> {
    fn new(inner: B, permit: Permit) -> Self {
        let permit = (!inner.is_end_stream()).then_some(permit);
        Self { inner, permit }
    }
}

impl<B> HeldBody<B> {
    /// Whether the permit has not been given back yet.
    pub const fn holds(&self) -> bool {
        self.permit.is_some()
    }
}

impl<B: Body> Body for HeldBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        let goes_on = match &frame {
            Some(Ok(frame)) => !frame.is_trailers() && !this.inner.is_end_stream(),
            Some(Err(_)) | None => false,
        };
        if !goes_on {
            drop(this.permit.take());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
