//! Responses that are too long to be kept, or do not end in time.

use std::time::Duration;

use http::Response;
use http_body_util::BodyExt as _;
use mainstay::http::{RecordResponse, Verdict};
use mainstay::idempotency::Disposition;
use tokio::time::Instant;

use super::kit::{
    Body, Broken, STREAMING, Step, TOO_LARGE, bytes, capture, data, drain, full, streamed,
    trailers, unread,
};

fn rule() -> RecordResponse {
    RecordResponse::default()
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_body_that_says_that_it_is_too_long_passes_unread() {
    // Fault 21.
    let long = vec![7; 1024 * 1024 + 1];
    let (reply, kept) = capture(&rule(), Response::new(full(&long))).await;
    assert_eq!(kept, TOO_LARGE);
    assert_eq!(bytes(reply.into_body()).await, long);
    let (_, kept) = capture(&rule(), Response::new(unread(1024 * 1024))).await;
    assert_eq!(kept, TOO_LARGE, "the headers take some of the room");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_turns_out_too_long_passes_whole_and_at_once() {
    // Faults 21 and 22.
    let rule = rule().record_max(40);
    let started = Instant::now();
    let steps = [
        data("0123456789"),
        data("0123456789".repeat(4)),
        Step::Wait(60 * SECOND),
        data("end"),
        Step::Trailers,
    ];
    let (reply, kept) = capture(&rule, Response::new(streamed(steps))).await;
    assert_eq!(kept, TOO_LARGE);
    let mut body = reply.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "0123456789".repeat(5));
    assert_eq!(
        started.elapsed(),
        Duration::ZERO,
        "the first byte was not held back"
    );
    let (rest, after, error) = drain(body).await;
    assert_eq!(
        (&*rest, after, error),
        (&b"end"[..], Some(trailers("0")), None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_end_is_passed_on_when_its_time_is_over() {
    // Fault 22.
    let started = Instant::now();
    let steps = [
        data("ab"),
        Step::Wait(10 * SECOND),
        data("cd"),
        Step::Trailers,
    ];
    let (reply, kept) = capture(&rule(), Response::new(streamed(steps))).await;
    assert_eq!((kept, started.elapsed()), (STREAMING, SECOND));
    let mut body = reply.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!((&*first, started.elapsed()), (&b"ab"[..], SECOND));
    let (rest, after, error) = drain(body).await;
    assert_eq!(
        (&*rest, after, error),
        (&b"cd"[..], Some(trailers("0")), None)
    );
    assert_eq!(started.elapsed(), 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_a_stream_too() {
    // Fault 22.
    let started = Instant::now();
    let steps = (0..20).flat_map(|_| [data("x"), Step::Wait(SECOND / 4)]);
    let (reply, kept) = capture(&rule(), Response::new(streamed(steps))).await;
    assert_eq!((kept, started.elapsed()), (STREAMING, SECOND));
    assert_eq!(bytes(reply.into_body()).await, "x".repeat(20));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_hangs_does_not_hold_the_capture_up() {
    // Fault 22.
    let (reply, kept) = capture(&rule(), Response::new(streamed([Step::Hang]))).await;
    assert_eq!(kept, STREAMING);
    drop(reply);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_in_time_is_kept() {
    for (wait, is_kept) in [
        (Duration::from_millis(999), true),
        (Duration::from_millis(1001), false),
    ] {
        let steps = [data("ab"), Step::Wait(wait), data("cd")];
        let (reply, kept) = capture(&rule(), Response::new(streamed(steps))).await;
        assert_eq!(matches!(kept, Disposition::Keep(_)), is_kept, "{wait:?}");
        assert_eq!(bytes(reply.into_body()).await, "abcd");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_what_was_set_down_to_none_and_up_to_for_ever() {
    let late = || Response::new(streamed([Step::Wait(SECOND * 100_000), data("x")]));
    let started = Instant::now();
    let (_, kept) = capture(&rule().stream_after(Duration::ZERO), late()).await;
    assert_eq!((kept, started.elapsed()), (STREAMING, Duration::ZERO));
    let (_, kept) = capture(
        &rule().stream_after(Duration::ZERO),
        Response::new(full("x")),
    )
    .await;
    assert!(
        matches!(kept, Disposition::Keep(_)),
        "it was there with its head"
    );
    let (_, kept) = capture(&rule().stream_after(Duration::MAX), late()).await;
    assert!(matches!(kept, Disposition::Keep(_)));
}

#[tokio::test(start_paused = true)]
async fn events_and_switched_protocols_are_streams_from_the_beginning() {
    // Fault 22.
    let events = ["text/event-stream", "Text/Event-Stream ; charset=utf-8"];
    for kind in events {
        let response = Response::builder().header("content-type", kind);
        let started = Instant::now();
        let (_, kept) = capture(&rule(), response.body(streamed([Step::Panic])).unwrap()).await;
        assert_eq!(
            (kept, started.elapsed()),
            (STREAMING, Duration::ZERO),
            "{kind}"
        );
    }
    for status in [100, 101, 103] {
        let mut response = Response::builder()
            .status(status)
            .body(streamed([Step::Panic]))
            .unwrap();
        response.extensions_mut().insert(Verdict::Keep);
        let (_, kept) = capture(&rule(), response).await;
        assert_eq!(kept, STREAMING, "{status}");
    }
    for kind in ["text/event-streams", "text/plain; a=text/event-stream", ""] {
        let response = Response::builder().header("content-type", kind);
        let (_, kept) = capture(&rule(), response.body(full("x")).unwrap()).await;
        assert!(matches!(kept, Disposition::Keep(_)), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_comes_where_it_came_and_the_outcome_is_unknown() {
    // Fault 23.
    for steps in [vec![Step::Fail], vec![data("ab"), data("cd"), Step::Fail]] {
        let (reply, kept) = capture(&rule(), Response::new(streamed(steps.clone()))).await;
        assert_eq!(kept, Disposition::Unknown);
        let (bytes, after, error) = drain(reply.into_body()).await;
        assert_eq!((after, error), (None, Some(Broken)));
        assert_eq!(bytes.len(), (steps.len() - 1) * 2);
    }
    // After the record was given up, it is the client's alone.
    let steps = [data("ab"), Step::Wait(2 * SECOND), Step::Fail];
    let (reply, kept) = capture(&rule(), Response::new(streamed(steps))).await;
    assert_eq!(kept, STREAMING);
    let (bytes, _, error) = drain(reply.into_body()).await;
    assert_eq!((&*bytes, error), (&b"ab"[..], Some(Broken)));
}

#[tokio::test(start_paused = true)]
async fn a_body_of_empty_frames_without_end_neither_keeps_the_thread_nor_the_capture() {
    let frames = futures::stream::repeat_with(|| Ok(http_body::Frame::data(bytes::Bytes::new())));
    let body: Body = http_body_util::StreamBody::new(frames).boxed_unsync();
    // The clock of a runtime that is never idle stands still unless it is pushed.
    let clock = tokio::spawn(tokio::time::advance(2 * SECOND));
    let (_, kept) = capture(&rule(), Response::new(body)).await;
    assert_eq!(kept, STREAMING);
    clock.await.unwrap();
}
