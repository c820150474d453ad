//! Streams of a gRPC server that the deadline ends with a status.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, Response};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use mainstay::Deadline;
use mainstay::deadline::Cover;
use mainstay::grpc::{CoverStream, CoveredStream};
use tokio::time::{Instant, advance};

use super::kit::{
    Broken, Item, MILLI, SECOND, assert_on_time, data, next, paced, read, seen, silent, trailers,
};

fn cover<B: Body>(body: B, left: Duration) -> Pin<Box<CoveredStream<B>>> {
    let deadline = Deadline::within(left);
    let response = CoverStream::new("api").cover(Response::new(body), deadline);
    Box::pin(response.into_body())
}

/// Polls a body that is over.
#[track_caller]
fn assert_over<B: Body<Data = Bytes>>(body: &mut Pin<Box<CoveredStream<B>>>) {
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        assert!(matches!(
            body.as_mut().poll_frame(&mut cx),
            Poll::Ready(None)
        ));
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_reads_deadline_exceeded_in_the_trailers_and_then_the_end() {
    let started = Instant::now();
    let (inner, alive) = seen(paced(vec![(MILLI, data("a"))], true));
    let mut body = cover(inner, SECOND);
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "a");
    assert!(!body.is_end_stream());
    let frame = body.frame().await.unwrap().unwrap();
    assert_on_time(started.elapsed(), SECOND);
    assert_eq!(alive.strong_count(), 0, "the handler's stream is gone");
    let status: HeaderMap = frame.into_trailers().unwrap();
    assert_eq!(status.len(), 2);
    assert_eq!(status["grpc-status"], "4");
    let message = status["grpc-message"].to_str().unwrap();
    assert!(
        message
            .bytes()
            .all(|byte| (b' '..=b'~').contains(&byte) && byte != b'%')
    );
    assert!(!message.contains("api"), "names nothing inside");
    assert_over(&mut body);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ended_by_itself_gets_no_other_status() {
    for items in [vec![(MILLI, trailers())], vec![]] {
        let whole = !items.is_empty();
        let mut body = cover(paced(items, false), SECOND);
        if whole {
            assert_eq!(
                next(&mut body).await.unwrap().unwrap(),
                r#"{"digest": "one"}"#
            );
        }
        assert!(next(&mut body).await.is_none());
        advance(60 * SECOND).await;
        assert_over(&mut body);
    }
    let mut body = cover(paced(vec![(MILLI, trailers())], true), SECOND);
    assert!(next(&mut body).await.is_some());
    advance(60 * SECOND).await;
    assert!(
        super::kit::poll(&mut body).is_pending(),
        "said once is said"
    );

    let mut body = cover(Full::new(Bytes::from_static(b"a")), Duration::ZERO);
    assert_eq!(body.size_hint().exact(), Some(1));
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "a");
    assert_over(&mut body);
    assert_over(&mut cover(Empty::new(), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_error_of_the_stream_is_its_own() {
    let broken: Vec<(Duration, Item)> = vec![(MILLI, Err(Broken(3)))];
    let mut body = cover(paced(broken, false), SECOND);
    let (all, error) = read(&mut body).await;
    assert_eq!((&*all, error), ("", Some(Broken(3))));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_ends_a_silent_stream_at_once_and_keeps_what_is_there() {
    let items = vec![(Duration::ZERO, data("a"))];
    let mut body = cover(paced(items, true), Duration::ZERO);
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "a");
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_trailers().unwrap()["grpc-status"], "4");
    let collected = cover(silent(), Duration::ZERO).collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "4");
}

#[test]
fn an_answer_to_a_refusal_has_an_empty_body() {
    let made = CoveredStream::<Full<Bytes>>::default();
    assert!(made.is_end_stream());
    let collected = made.collect().now_or_never().expect("it is empty");
    assert!(collected.unwrap().to_bytes().is_empty());
}
