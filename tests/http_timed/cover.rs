//! Responses that the deadline covers to their last frame.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Empty;
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
    let response = CoverBody::new("other").cover(response, deadline, &"api".into());
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
        let response = cover.cover(inner, deadline, &"api".into());
        let mut body = Box::pin(response.into_body());
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "a");
        assert!(next(&mut body).await.is_none());
    }
    let empty = Response::new(Empty::<Bytes>::new());
    let passed = Deadline::at(Instant::now());
    let response = cover.cover(empty, passed, &"api".into());
    assert_over(&mut Box::pin(response.into_body()));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passed_with_the_head_ends_what_is_not_there() {
    let passed = Deadline::at(Instant::now());
    let cover = CoverBody::new("api");
    let response = cover.cover(Response::new(silent()), passed, &"api".into());
    let mut body = Box::pin(response.into_body());
    let refusal = refusal(read(&mut body).await.1);
    assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
    assert_eq!(
        refusal.limit_and_elapsed(),
        Some((Duration::ZERO, Duration::ZERO))
    );
}
