//! A body of which some was read.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

/// A body that was read before it is passed on: wholly, to its cap, or not at all. It gives what was
/// read, and then what is left.
///
/// The bytes and the trailers are those of the body that it was made of, and so is an error, at its
/// place; where one frame ends and the next begins may differ.
#[pin_project]
// The bound stands here because the error that the body ended with is kept.
pub struct ReadBody<B: Body> {
    data: Bytes,
    #[pin]
    rest: Rest<B, B::Error>,
}

#[pin_project(project = RestProjection)]
enum Rest<B, E> {
    Ended,
    Trailers(Option<HeaderMap>),
    More(#[pin] B),
    Failed(Option<E>),
}

impl<B: Body> ReadBody<B> {
    /// Nothing of it was read.
    pub(super) const fn untouched(body: B) -> Self {
        Self::begun(Bytes::new(), body)
    }

    /// `data` was read of it, and it goes on with `body`.
    pub(super) const fn begun(data: Bytes, body: B) -> Self {
        Self {
            data,
            rest: Rest::More(body),
        }
    }

    /// `data` was read of it, and then it failed.
    pub(super) const fn failed(data: Bytes, error: B::Error) -> Self {
        Self {
            data,
            rest: Rest::Failed(Some(error)),
        }
    }

    /// This is all of it.
    pub(super) fn whole(data: Bytes, trailers: Option<HeaderMap>) -> Self {
        Self {
            data,
            rest: trailers.map_or(Rest::Ended, |trailers| Rest::Trailers(Some(trailers))),
        }
    }

    /// What of the data was read and not given yet.
    pub(super) const fn data(&self) -> &Bytes {
        &self.data
    }

    /// The trailers, where they were read and not given yet.
    pub(super) const fn trailers(&self) -> Option<&HeaderMap> {
        match &self.rest {
            Rest::Trailers(trailers) => trailers.as_ref(),
            Rest::Ended | Rest::More(_) | Rest::Failed(_) => None,
        }
    }
}

/// A body that is read already, as of the answers that [`RespondLayer`](crate::http::RespondLayer)
/// makes.
impl<B: Body> From<Bytes> for ReadBody<B> {
    fn from(data: Bytes) -> Self {
        Self::whole(data, None)
    }
}

/// The same, where an answer has no body: that of gRPC.
impl<B: Body> Default for ReadBody<B> {
    fn default() -> Self {
        Self::from(Bytes::new())
    }
}

impl<B: Body<Data = Bytes>> Body for ReadBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        if !this.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(this.data)))));
        }
        let frame = match this.rest.as_mut().project() {
            RestProjection::Ended => None,
            RestProjection::Trailers(trailers) => trailers.take().map(Frame::trailers).map(Ok),
            RestProjection::Failed(error) => error.take().map(Err),
            RestProjection::More(body) => return Poll::Ready(ready!(body.poll_frame(cx))),
        };
        this.rest.set(Rest::Ended);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty()
            && match &self.rest {
                Rest::Ended => true,
                Rest::More(body) => body.is_end_stream(),
                Rest::Trailers(_) | Rest::Failed(_) => false,
            }
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.data.len() as u64;
        let rest = match &self.rest {
            Rest::Ended => return SizeHint::with_exact(read),
            Rest::More(body) => body.size_hint(),
            // Not exact: in HTTP/1.1 a message with a `Content-Length` has no place for trailers.
            Rest::Trailers(_) | Rest::Failed(_) => SizeHint::new(),
        };
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper().and_then(|rest| rest.checked_add(read)) {
            hint.set_upper(upper);
        }
        hint.set_lower(rest.lower().saturating_add(read));
        hint
    }
}

/// By hand: what the body says is nothing for a log.
impl<B: Body> fmt::Debug for ReadBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = match &self.rest {
            Rest::Ended => "ended",
            Rest::Trailers(_) => "trailers",
            Rest::More(_) => "more",
            Rest::Failed(_) => "failed",
        };
        f.debug_struct("ReadBody")
            .field("read", &self.data.len())
            .field("rest", &rest)
            .finish()
    }
}
