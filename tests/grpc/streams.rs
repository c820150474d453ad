//! The breaker, which learns from trailers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use futures::FutureExt;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use mainstay::breaker::{BreakerConfig, BreakerHandle, BreakerLayer, Cause, State};
use mainstay::grpc::{AtTrailers, ByCode, Code, SettledBody};
use mainstay::{Executed, Kind, Ratio, Rejection, StackError};
use tower::{BoxError, Layer, ServiceExt};

use super::SECOND;
use super::kit::{
    Body, Broken, Item, Upstream, message, reply, request, status, streaming, trailers,
};

type Judged = Response<SettledBody<Body>>;

fn config() -> BreakerConfig {
    BreakerConfig::default().volume_min(4).jitter(Ratio::ZERO)
}

/// What the service answers, below a breaker.
async fn ask<const N: usize>(script: [Response<Body>; N]) -> (Vec<Judged>, BreakerHandle) {
    let layer = BreakerLayer::grpc("stock", config()).unwrap();
    let service = layer.layer(Upstream::of(script));
    let mut answers = Vec::new();
    for _ in 0..N {
        let request = request("/shop.Stock/Count");
        answers.push(service.clone().oneshot(request).await.unwrap());
    }
    (answers, layer.handle())
}

/// Asks once and reads the answer to its end; calls and failures counted.
async fn after(answer: Response<Body>) -> (u64, u64) {
    let (answers, circuit) = ask([answer]).await;
    for answer in answers {
        let _ = answer.into_body().collect().await;
    }
    counts(&circuit)
}

fn counts(circuit: &BreakerHandle) -> (u64, u64) {
    let snapshot = circuit.snapshot();
    (snapshot.calls(), snapshot.failures())
}

#[tokio::test(start_paused = true)]
async fn the_status_counts_wherever_it_is() {
    for code in Code::ALL {
        let number = code.number().to_string();
        let expected = match ByCode::default().outcome(code) {
            mainstay::Outcome::Success => (1, 0),
            mainstay::Outcome::Ignored => (0, 0),
            _ => (1, 1),
        };
        assert_eq!(after(status(&number)).await, expected, "{code:?}, head");
        assert_eq!(after(reply(&number)).await, expected, "{code:?}, trailers");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_is_not_counted_before_its_trailers() {
    let (mut answers, circuit) = ask([reply("13")]).await;
    let mut body = answers.pop().unwrap().into_body();
    assert_eq!(counts(&circuit), (0, 0));
    assert!(body.frame().await.unwrap().unwrap().is_data());
    assert!(!body.is_settled());
    assert_eq!(counts(&circuit), (0, 0));
    let trailers = body.frame().await.unwrap().unwrap();
    assert_eq!(trailers.trailers_ref().unwrap()["grpc-status"], "13");
    assert!(body.is_settled());
    assert_eq!(counts(&circuit), (1, 1));
    assert!(body.frame().await.is_none());
    drop(body);
    assert_eq!(counts(&circuit), (1, 1), "once");
}

#[tokio::test(start_paused = true)]
async fn failures_in_trailers_open_the_circuit() {
    let (answers, circuit) = ask(std::array::from_fn::<_, 4, _>(|_| reply("14"))).await;
    assert_eq!(circuit.state(), State::Closed);
    for answer in answers {
        answer.into_body().collect().await.unwrap();
    }
    assert_eq!(circuit.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn pushback_in_trailers_opens_the_circuit_for_as_long() {
    let busy = [("grpc-status", "8"), ("grpc-retry-pushback-ms", "7000")];
    let (answers, circuit) = ask([streaming([message(), trailers(&busy)])]).await;
    for answer in answers {
        answer.into_body().collect().await.unwrap();
    }
    let snapshot = circuit.snapshot();
    assert_eq!(snapshot.last_cause(), Some(Cause::Pushback));
    assert_eq!(snapshot.time_left(), Some(7 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn an_end_without_a_status_is_a_failure() {
    assert_eq!(after(streaming([])).await, (1, 1));
    assert_eq!(after(streaming([message()])).await, (1, 1));
    assert_eq!(after(streaming([message(), trailers(&[])])).await, (1, 1));
    let odd = trailers(&[("grpc-status", "zero")]);
    assert_eq!(after(streaming([message(), odd])).await, (1, 1));
    let (_answers, circuit) = ask([Response::new(Body::default())]).await;
    assert_eq!(counts(&circuit), (1, 1), "nothing comes after the head");
}

/// Such as a body that knows its length; nobody need ask it for more.
#[tokio::test(start_paused = true)]
async fn an_end_that_is_said_with_the_last_message_settles_the_call() {
    let whole = http_body_util::Full::new(Bytes::from_static(b"abc"));
    let whole = whole.map_err(|never| match never {}).boxed_unsync();
    let (mut answers, circuit) = ask([Response::new(whole)]).await;
    let mut body = answers.pop().unwrap().into_body();
    assert_eq!(counts(&circuit), (0, 0));
    assert!(body.frame().await.unwrap().is_ok());
    assert_eq!(counts(&circuit), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_is_a_failure() {
    let (mut answers, circuit) = ask([streaming([message(), Err(Broken)])]).await;
    let mut body = answers.pop().unwrap().into_body();
    assert!(body.frame().await.unwrap().is_ok());
    assert!(body.frame().await.unwrap().is_err(), "it is passed on");
    assert_eq!(counts(&circuit), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_midway_was_given_up() {
    let (mut answers, circuit) = ask([reply("14"), reply("14")]).await;
    drop(answers.pop().unwrap());
    let mut body = answers.pop().unwrap().into_body();
    assert!(body.frame().await.unwrap().is_ok());
    drop(body);
    assert_eq!(counts(&circuit), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_panics_is_a_failure() {
    let items = futures::stream::poll_fn(|_| -> std::task::Poll<Option<Item>> {
        panic!("in the body");
    });
    let (mut answers, circuit) = ask([Response::new(StreamBody::new(items).boxed_unsync())]).await;
    let mut body = answers.pop().unwrap().into_body();
    let unwound = catch_unwind(AssertUnwindSafe(|| body.frame().now_or_never()));
    assert!(unwound.is_err());
    drop(body);
    assert_eq!(counts(&circuit), (1, 1));
}

/// As the layers below end a body: with a refusal.
async fn after_refusal(kind: Kind) -> (u64, u64) {
    let answer = move |_: http::Request<Bytes>| async move {
        let refusal = Rejection::new(kind, Executed::Unknown, "stock".into());
        let items = futures::stream::iter([Err::<Frame<Bytes>, BoxError>(refusal.into())]);
        Ok::<_, BoxError>(Response::new(StreamBody::new(items)))
    };
    let layer = BreakerLayer::grpc("stock", config()).unwrap();
    let service = layer.layer(tower::service_fn(answer));
    let answer = service.oneshot(request("/shop.Stock/Count")).await.unwrap();
    let read = answer.into_body().collect().await;
    assert_eq!(read.unwrap_err().rejection().unwrap().kind(), kind);
    counts(&layer.handle())
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_the_callers_deadline_ends_was_given_up_and_one_that_is_too_slow_failed() {
    assert_eq!(after_refusal(Kind::DeadlineExceeded).await, (0, 0));
    assert_eq!(after_refusal(Kind::Timeout).await, (1, 1));
}

/// It is the reader who asks for each frame, and gets it as it comes.
#[tokio::test(start_paused = true)]
async fn no_frame_is_held_back_or_read_ahead() {
    let (sender, receiver) = futures::channel::mpsc::unbounded::<Item>();
    let (mut answers, circuit) =
        ask([Response::new(StreamBody::new(receiver).boxed_unsync())]).await;
    let mut body = answers.pop().unwrap().into_body();
    assert!(body.frame().now_or_never().is_none());
    for _ in 0..2 {
        sender.unbounded_send(message()).unwrap();
        assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
        assert!(body.frame().now_or_never().is_none());
    }
    sender
        .unbounded_send(trailers(&[("grpc-status", "0")]))
        .unwrap();
    assert_eq!(counts(&circuit), (0, 0), "the trailers are there, unread");
    assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
    assert_eq!(counts(&circuit), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn another_table_counts_for_heads_and_trailers() {
    let by = ByCode::default().transient([Code::NotFound]);
    let layer = BreakerLayer::grpc("stock", config()).unwrap();
    let layer = layer.classify(by).settle(AtTrailers::new(by));
    let service = layer.layer(Upstream::of([status("5"), reply("5")]));
    for _ in 0..2 {
        let answer = service.clone().oneshot(request("/shop.Stock/Count")).await;
        let _ = answer.unwrap().into_body().collect().await;
    }
    assert_eq!(counts(&layer.handle()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn what_a_classifier_of_ones_own_calls_a_failure_by_the_head_is_settled_there() {
    let failed = |_: Result<&Response<Body>, &mainstay::Error<Broken>>| {
        mainstay::Outcome::Failure(mainstay::Failure::transient())
    };
    let layer = BreakerLayer::grpc("stock", config()).unwrap();
    let layer = layer.classify(failed);
    let service = layer.layer(Upstream::of([reply("0")]));
    let answer = service.oneshot(request("/shop.Stock/Count")).await.unwrap();
    assert!(answer.body().is_settled());
    assert_eq!(counts(&layer.handle()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn frames_and_hints_pass_through() {
    let item: Item = Ok(Frame::data(Bytes::from_static(b"abc")));
    let (mut answers, _circuit) = ask([streaming([item, trailers(&[("grpc-status", "0")])])]).await;
    let read = answers.pop().unwrap().into_body().collect().await.unwrap();
    assert_eq!(read.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(read.to_bytes(), "abc");

    let whole = http_body_util::Full::new(Bytes::from_static(b"abc"));
    let whole = whole.map_err(|never| match never {}).boxed_unsync();
    let (answers, _circuit) = ask([Response::new(whole)]).await;
    let body = answers[0].body();
    assert_eq!(http_body::Body::size_hint(body).exact(), Some(3));
}
