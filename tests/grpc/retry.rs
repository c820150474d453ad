//! The retry, which commits to a head.

use http::Response;
use http_body_util::BodyExt;
use mainstay::grpc::IdempotentMethods;
use mainstay::http::{ReplayBody, ReplayBodyLayer};
use mainstay::retry::{RetryConfig, RetryHandle, RetryLayer, Stop};
use tokio::time::Instant;
use tower::{Layer, ServiceExt};

use super::SECOND;
use super::kit::{Body, Upstream, reply, request, status, streaming, trailers_only};

const COUNT: &str = "/shop.Stock/Count";
const TAKE: &str = "/shop.Stock/Take";

/// What the caller gets, with the handle to ask why.
async fn ask(upstream: &Upstream, path: &str) -> (Response<Body>, RetryHandle) {
    let layer = RetryLayer::grpc("stock", RetryConfig::default()).unwrap();
    let layer = layer.replay(IdempotentMethods::new([COUNT]).unwrap());
    let service = layer.layer(upstream.clone());
    let answer = service.oneshot(request(path)).await.unwrap();
    (answer, layer.handle())
}

fn code(answer: &Response<Body>) -> Option<&str> {
    Some(answer.headers().get("grpc-status")?.to_str().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_the_head_is_repeated_and_the_callee_is_told() {
    let upstream = Upstream::of([status("14"), status("8")]);
    let (answer, retry) = ask(&upstream, COUNT).await;
    assert_eq!(code(&answer), None, "the third answer streams");
    let before: Vec<_> = upstream.sent().into_iter().map(|sent| sent.1).collect();
    assert_eq!(before, [None, Some("1".into()), Some("2".into())]);
    assert_eq!(retry.snapshot().further_attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_the_trailers_is_not_repeated() {
    let upstream = Upstream::of([reply("14")]);
    let (answer, _) = ask(&upstream, COUNT).await;
    let read = answer.into_body().collect().await.unwrap();
    assert_eq!(read.trailers().unwrap()["grpc-status"], "14");
    assert_eq!(upstream.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_method_that_is_not_named_is_not_repeated() {
    let upstream = Upstream::of([status("14")]);
    let (answer, retry) = ask(&upstream, TAKE).await;
    assert_eq!(code(&answer), Some("14"));
    assert_eq!(retry.snapshot().stops(Stop::NotSafe), 1);

    let preset = RetryLayer::grpc("stock", RetryConfig::default()).unwrap();
    let upstream = Upstream::of([status("14")]);
    let service = preset.layer(upstream.clone());
    service.oneshot(request(COUNT)).await.unwrap();
    assert_eq!(upstream.sent().len(), 1, "none is, unless it is named");
}

#[tokio::test(start_paused = true)]
async fn pushback_is_waited_for_exactly_and_zero_not_at_all() {
    for (millis, expected) in [("1234", 1234), ("0", 0)] {
        let busy = [("grpc-status", "14"), ("grpc-retry-pushback-ms", millis)];
        let upstream = Upstream::of([trailers_only(&busy)]);
        let start = Instant::now();
        ask(&upstream, COUNT).await;
        assert_eq!(start.elapsed().as_millis(), expected);
        assert_eq!(upstream.sent().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn pushback_that_says_never_or_too_late_ends_the_call() {
    for millis in ["-1", "soon", "20001"] {
        let busy = [("grpc-status", "14"), ("grpc-retry-pushback-ms", millis)];
        let upstream = Upstream::of([trailers_only(&busy)]);
        let (answer, retry) = ask(&upstream, COUNT).await;
        assert_eq!(code(&answer), Some("14"));
        assert_eq!(retry.snapshot().stops(Stop::Pushback), 1, "{millis}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_delay_of_a_retry_info_is_waited_for() {
    let details =
        "CA4SBGJ1c3kaNgoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIKCggIAxCAyrXuAQ";
    let busy = [("grpc-status", "8"), ("grpc-status-details-bin", details)];
    let upstream = Upstream::of([trailers_only(&busy)]);
    let start = Instant::now();
    ask(&upstream, COUNT).await;
    assert_eq!(start.elapsed(), 3 * SECOND + SECOND / 2);
}

#[tokio::test(start_paused = true)]
async fn answers_and_failures_that_may_have_run_are_not_repeated() {
    for number in [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16] {
        let upstream = Upstream::of([status(&number.to_string())]);
        let (_, retry) = ask(&upstream, COUNT).await;
        assert_eq!(upstream.sent().len(), 1, "{number}");
        assert_eq!(retry.snapshot().further_attempts(), 0);
    }
}

/// A streamed body of three bytes, recorded up to a cap and read by the service each time.
#[tokio::test(start_paused = true)]
async fn a_body_that_outgrew_its_recording_is_not_sent_again() {
    for (cap, expected) in [(0, 1), (2, 1), (3, 3)] {
        let layer = RetryLayer::grpc("stock", RetryConfig::default()).unwrap();
        let handle = layer.handle();
        let sent = std::sync::atomic::AtomicU32::new(0);
        let read = |request: http::Request<ReplayBody<Body>>| {
            sent.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async {
                let body = request.into_body().collect().await.unwrap();
                assert_eq!(body.to_bytes(), "abc");
                Ok::<_, mainstay::Error<super::kit::Broken>>(status("14"))
            }
        };
        let service = tower::ServiceBuilder::new()
            .layer(ReplayBodyLayer::new().cap(cap))
            .layer(layer.replay(IdempotentMethods::new([COUNT]).unwrap()))
            .service_fn(read);
        let frame = Ok(http_body::Frame::data(bytes::Bytes::from_static(b"abc")));
        let body = streaming([frame]).into_body();
        let request = http::Request::post(COUNT).body(body).unwrap();
        let answer = service.oneshot(request).await.unwrap();
        assert_eq!(code(&answer), Some("14"));
        assert_eq!(sent.into_inner(), expected, "cap {cap}");
        let stops = handle.snapshot().stops(Stop::NotReplayable);
        assert_eq!(stops, u64::from(expected == 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_passed_on_does_not_say_anothers_attempts() {
    let mut passed_on = request(COUNT);
    let theirs = "7".parse().unwrap();
    passed_on
        .headers_mut()
        .insert("grpc-previous-rpc-attempts", theirs);
    let upstream = Upstream::default();
    let layer = RetryLayer::grpc("stock", RetryConfig::default()).unwrap();
    let service = layer.layer(upstream.clone());
    service.oneshot(passed_on).await.unwrap();
    assert_eq!(upstream.sent(), [(COUNT.to_owned(), None)]);
}
