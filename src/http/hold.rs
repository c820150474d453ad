//! Permits that are held until a response has been read.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
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
pub struct HeldBody<B, P = Permit> {
    #[pin]
    inner: B,
    permit: Option<P>,
}

impl<B: Body, P> HeldBody<B, P> {
    fn new(inner: B, permit: P) -> Self {
        let permit = (!inner.is_end_stream()).then_some(permit);
        Self { inner, permit }
    }
}

impl<B, P> HeldBody<B, P> {
    /// Whether the permit has not been given back yet.
    pub const fn holds(&self) -> bool {
        self.permit.is_some()
    }
}

/// A body that holds nothing, as of the answers that [`RespondLayer`](super::RespondLayer) makes.
impl<B: From<Bytes>, P> From<Bytes> for HeldBody<B, P> {
    fn from(bytes: Bytes) -> Self {
        Self {
            inner: bytes.into(),
            permit: None,
        }
    }
}

/// The same, where an answer has no body: that of gRPC.
impl<B: Default, P> Default for HeldBody<B, P> {
    fn default() -> Self {
        Self {
            inner: B::default(),
            permit: None,
        }
    }
}

impl<B: Body, P> Body for HeldBody<B, P> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use http_body_util::{BodyExt as _, Full, StreamBody};
    use std::sync::{Arc, Weak};
    use std::task::Waker;

    type Item = Result<Frame<Bytes>, &'static str>;

    #[expect(clippy::unnecessary_wraps, reason = "an item of a stream")]
    fn data() -> Item {
        Ok(Frame::data(Bytes::from_static(b"ab")))
    }

    /// A body under a permit, and whether the permit is still held.
    fn held<B: Body>(body: B) -> (HeldBody<B, Arc<()>>, Weak<()>) {
        let permit = Arc::new(());
        let watch = Arc::downgrade(&permit);
        (HeldBody::new(body, permit), watch)
    }

    fn stream(items: Vec<Item>) -> impl Body<Data = Bytes, Error = &'static str> + Unpin {
        StreamBody::new(futures::stream::iter(items))
    }

    fn poll<B: Body + Unpin, P>(
        body: &mut HeldBody<B, P>,
    ) -> Option<Result<Frame<B::Data>, B::Error>> {
        let mut frame = body.frame();
        match Pin::new(&mut frame).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(frame) => frame,
            Poll::Pending => panic!("never pending here"),
        }
    }

    #[test]
    fn the_permit_is_held_until_the_body_has_no_more() {
        let (mut body, watch) = held(stream(vec![data(), data()]));
        for _ in 0..2 {
            assert!(poll(&mut body).unwrap().is_ok());
            assert!(body.holds() && watch.strong_count() == 1);
        }
        assert!(poll(&mut body).is_none());
        assert!(!body.holds() && watch.strong_count() == 0);
        assert!(poll(&mut body).is_none());
    }

    #[test]
    fn trailers_give_the_permit_back_and_so_does_an_error() {
        let trailers = Ok(Frame::trailers(HeaderMap::new()));
        for end in [trailers, Err("broken")] {
            let (mut body, watch) = held(stream(vec![data(), end]));
            assert!(poll(&mut body).unwrap().is_ok());
            assert_eq!(watch.strong_count(), 1);
            let _ = poll(&mut body).unwrap();
            assert_eq!(watch.strong_count(), 0);
        }
    }

    #[test]
    fn a_body_that_says_that_a_frame_was_its_last_is_believed() {
        let (mut body, watch) = held(Full::new(Bytes::from_static(b"abc")));
        assert_eq!(body.size_hint().exact(), Some(3));
        assert!(!body.is_end_stream() && watch.strong_count() == 1);
        assert!(poll(&mut body).unwrap().is_ok());
        assert!(body.is_end_stream() && watch.strong_count() == 0);
        assert_eq!(body.size_hint().exact(), Some(0));
    }

    #[test]
    fn a_response_without_a_body_holds_nothing() {
        let (body, watch) = held(Full::new(Bytes::new()));
        assert!(!body.holds() && watch.strong_count() == 0);
    }

    #[test]
    fn a_dropped_body_goes_before_its_permit() {
        struct Last(Weak<()>);
        impl Drop for Last {
            fn drop(&mut self) {
                assert_eq!(self.0.strong_count(), 1, "the permit was given back first");
            }
        }
        let permit = Arc::new(());
        let watch = Arc::downgrade(&permit);
        let last = Last(Weak::clone(&watch));
        let items = futures::stream::iter([data()]);
        let items = futures::StreamExt::inspect(items, move |_| {
            let _ = last.0.strong_count();
        });
        drop(HeldBody::new(StreamBody::new(items), permit));
        assert_eq!(watch.strong_count(), 0);
    }
}
