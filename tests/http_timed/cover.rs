//! Responses that the deadline covers to their last frame.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::{Response, StatusCode};
use http_body_util::{Empty, StreamBody};
use mainstay::deadline::Cover;
use mainstay::http::CoverBody;
use mainstay::{Deadline, Executed, Kind};
use tokio::time::Instant;

use super::kit::{
    MILLI, NEARLY, SECOND, assert_on_time, assert_over, data, next, paced, read, refusal, silent,
};

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_body_while_it_streams_in_the_name_of_its_layer() {
    let frames = (0..100).map(|_| (100 * MILLI, data("x"))).collect();
    let mut response = Response::new(paced(frames, false));
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let started = Instant::now();
    let deadline = Deadline::within(SECOND + 50 * MILLI);
    let response = CoverBody::new("api").cover(response, deadline);
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    let mut body = Box::pin(response.into_body());
    let (all, error) = read(&mut body).await;
    assert_eq!(all.len(), 10);
    assert_on_time(started.elapsed(), SECOND + 50 * MILLI);
    let refusal = refusal(error);
    assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
    assert_eq!(refusal.executed(), Executed::Unknown);
    assert_eq!(refusal.layer(), "api");
    assert_over(&mut body);
}

#[tokio::test(start_paused = true)]
async fn a_body_in_time_and_one_without_a_deadline_and_one_without_frames_pass() {
    let cover = CoverBody::new("api");
    let day = 24 * 60 * 60 * SECOND;
    for (wait, deadline) in [(NEARLY, Deadline::within(SECOND)), (day, Deadline::NEVER)] {
        let inner = Response::new(paced(vec![(wait, data("a"))], false));
        let response = cover.cover(inner, deadline);
        let mut body = Box::pin(response.into_body());
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "a");
        assert!(next(&mut body).await.is_none());
    }
    let empty = Response::new(Empty::<Bytes>::new());
    let passed = Deadline::at(Instant::now());
    let response = cover.cover(empty, passed);
    assert_over(&mut Box::pin(response.into_body()));
}

/// A stream that asks others for what it sends tells them what time is left.
#[tokio::test(start_paused = true)]
async fn the_task_has_the_deadline_whenever_the_body_is_polled_and_not_between() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let diary = Arc::clone(&seen);
    let frames = stream::unfold((), move |()| {
        let diary = Arc::clone(&diary);
        async move {
            diary.lock().unwrap().push(Deadline::current());
            tokio::time::sleep(MILLI).await;
            diary.lock().unwrap().push(Deadline::current());
            Some((data("x"), ()))
        }
    });
    let deadline = Deadline::within(SECOND);
    let response = Response::new(StreamBody::new(frames));
    let response = CoverBody::new("api").cover(response, deadline);
    let mut body = Box::pin(response.into_body());
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "x");
    assert_eq!(Deadline::current(), None);
    let sooner = Deadline::within(SECOND / 2);
    sooner.scope(next(&mut body)).await.unwrap().unwrap();
    let (own, around) = (Some(deadline), Some(sooner));
    assert_eq!(*seen.lock().unwrap(), [own, own, around, around]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passed_with_the_head_ends_what_is_not_there() {
    let passed = Deadline::at(Instant::now());
    let cover = CoverBody::new("api");
    let response = cover.cover(Response::new(silent()), passed);
    let mut body = Box::pin(response.into_body());
    let refusal = refusal(read(&mut body).await.1);
    assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
    assert_eq!(
        refusal.limit_and_elapsed(),
        Some((Duration::ZERO, Duration::ZERO))
    );
}
