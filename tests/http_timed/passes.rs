//! What passes through untouched, and what that costs.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures::executor::block_on;
use futures::stream;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use mainstay::http::{BodyLimits, TimedBody};

use super::kit::{Broken, Item, NEVER, SECOND, assert_over, data, limits, poll, trailers};

fn all() -> BodyLimits {
    limits(SECOND, SECOND, SECOND)
}

/// Without a runtime there is no timer: none is made here.
#[test]
fn frames_trailers_sizes_and_ends_are_those_of_the_inner_body() {
    let full = || Full::new(Bytes::from_static(b"abc"));
    let mut body = Box::pin(TimedBody::new(full(), all(), "db"));
    assert_eq!(body.size_hint().exact(), full().size_hint().exact());
    assert!(!body.is_end_stream());
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(text))) if text == "abc"));
    assert_over(&mut body);

    let text = ["a", "", "bcd", "e"];
    let items: Vec<Item> = text.map(data).into_iter().chain([trailers()]).collect();
    let body = TimedBody::new(StreamBody::new(stream::iter(items)), all(), "db");
    assert_eq!(body.size_hint().exact(), None);
    let collected = block_on(body.collect()).unwrap();
    assert_eq!(collected.trailers().unwrap()["digest"], "one");
    assert_eq!(collected.to_bytes(), "abcde");
}

#[test]
fn a_body_of_any_length_passes_byte_for_byte() {
    for length in [0, 1, 63, 64, 65, 1000, 100_000] {
        let bytes: Vec<u8> = (0..length).map(|at: u32| at.to_le_bytes()[0]).collect();
        for size in [1, 7, 4096] {
            let chunks: Vec<Item> = bytes
                .chunks(size)
                .map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk))))
                .collect();
            let body = TimedBody::new(StreamBody::new(stream::iter(chunks)), all(), "db");
            assert_eq!(block_on(body.collect()).unwrap().to_bytes(), bytes);
        }
    }
}

#[test]
fn a_body_that_has_ended_is_passed_on_as_it_is() {
    let mut body = Box::pin(TimedBody::new(Empty::<Bytes>::new(), all(), "db"));
    assert_over(&mut body);
    let made = TimedBody::<Full<Bytes>>::from(Bytes::from_static(b"problem"));
    assert_eq!(made.size_hint().exact(), Some(7));
    assert_eq!(block_on(made.collect()).unwrap().to_bytes(), "problem");
}

#[test]
fn hyper_axum_and_boxes_take_it() {
    fn is_send<T: Send + 'static>(body: T) -> T {
        body
    }
    let body = TimedBody::new(Full::new(Bytes::new()), all(), "db");
    let _: axum::body::Body = axum::body::Body::new(is_send(body));
    let over_axum = TimedBody::new(axum::body::Body::empty(), all(), "db");
    let _: Pin<Box<TimedBody<axum::body::Body>>> = is_send(Box::pin(over_axum));
    let body = TimedBody::new(Full::new(Bytes::new()), all(), "db");
    let _ = body.boxed_unsync();
}

/// Frames that are there at once, and a size that falls.
struct Counted(u64);

impl Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.0.checked_sub(1);
        Poll::Ready(next.map(|left| {
            self.0 = left;
            Ok(Frame::data(Bytes::from_static(b"x")))
        }))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

#[test]
fn the_hint_is_that_of_the_inner_body_at_every_frame() {
    let mut body = Box::pin(TimedBody::new(Counted(200), all(), "db"));
    for left in (0..200).rev() {
        assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(_)))));
        assert_eq!(body.size_hint().exact(), Some(left));
        assert!(!body.is_end_stream());
    }
    assert_over(&mut body);
}

#[test]
fn frames_that_are_ready_allocate_nothing() {
    let mut cx = Context::from_waker(Waker::noop());
    let name = mainstay::Name::from("db");
    for limits in [all(), limits(NEVER, NEVER, NEVER)] {
        let mut frames = 0;
        let measured = allocation_counter::measure(|| {
            let mut body = pin!(TimedBody::new(Counted(1000), limits, name.clone()));
            while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(&mut cx) {
                frames += frame.unwrap().data_ref().map_or(0, Bytes::len);
            }
        });
        assert_eq!(frames, 1000);
        assert_eq!(measured.count_total, 0);
    }
}

/// A wait allocates nothing either: the timer is in the body. (The wheel of tokio's clock is there.)
#[tokio::test(start_paused = true)]
async fn a_wait_allocates_nothing() {
    let mut cx = Context::from_waker(Waker::noop());
    let silent = || StreamBody::new(stream::pending::<Result<Frame<Bytes>, Broken>>());
    let name = mainstay::Name::from("db");
    let measured = allocation_counter::measure(|| {
        let mut body = pin!(TimedBody::new(silent(), all(), name.clone()));
        assert!(body.as_mut().poll_frame(&mut cx).is_pending());
        assert!(body.as_mut().poll_frame(&mut cx).is_pending());
    });
    assert_eq!(measured.count_total, 0);
}
