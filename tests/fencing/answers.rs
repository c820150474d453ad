//! What a client reads, over HTTP and gRPC, and what its retry makes of it.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use mainstay::classify::ByError;
use mainstay::coordination::{FencingGate, FencingLayer, FencingToken, NodeId, NotLeader, Stale};
use mainstay::grpc::{ByCode, Code};
use mainstay::http::ByStatus;
use mainstay::{Classify, Error, Executed, Kind, Outcome, Pushback, Rejection, error, grpc};
use serde_json::{Value, json};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use crate::kit::{of_term, saying, token};

const WAIT: Duration = Duration::from_millis(1500);

type Body = Full<Bytes>;

fn fenced() -> FencingLayer {
    FencingLayer::new("ledger", FencingGate::in_memory(Some(token(7))))
}

async fn done(_: Request<()>) -> Result<Response<Body>, Infallible> {
    Ok(Response::default())
}

async fn web(request: Request<()>) -> (u16, HeaderMap, Value) {
    let service = ServiceBuilder::new()
        .layer(mainstay::http::RespondLayer::new())
        .layer(fenced())
        .layer(error::layer())
        .service_fn(done);
    split(service.oneshot(request).await.unwrap()).await
}

async fn split(response: Response<Body>) -> (u16, HeaderMap, Value) {
    let (head, body) = response.into_parts();
    let body = http_body_util::BodyExt::collect(body).await.unwrap();
    let body = serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null);
    (head.status.as_u16(), head.headers, body)
}

async fn rpc(request: Request<()>) -> HeaderMap {
    let service = ServiceBuilder::new()
        .layer(grpc::RespondLayer::new())
        .layer(fenced())
        .layer(error::layer())
        .service_fn(done);
    service
        .oneshot(request)
        .await
        .unwrap()
        .into_parts()
        .0
        .headers
}

/// What a stack answers that ends each call with this refusal.
async fn answered(refusal: Rejection) -> (Response<Body>, Response<Body>) {
    let refusing = service_fn(move |_: Request<()>| {
        let refusal = refusal.clone();
        async { Err::<Response<Body>, _>(Error::<Infallible>::from(refusal)) }
    });
    let web = mainstay::http::RespondLayer::new().layer(refusing.clone());
    let rpc = grpc::RespondLayer::new().layer(refusing);
    let (web, rpc) = (web.oneshot(saying([])), rpc.oneshot(saying([])));
    (web.await.unwrap(), rpc.await.unwrap())
}

#[tokio::test]
async fn a_stale_token_is_a_conflict_that_says_how_high_the_floor_is() {
    let (status, headers, problem) = web(of_term(6)).await;
    assert_eq!(status, 409);
    assert_eq!(Stale::read_high(&headers), Ok(Some(token(7))));
    assert_eq!(
        FencingToken::try_from(&headers["fencing-token-high"]),
        Ok(token(7))
    );
    let expected = json!({
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "The sender's term is over.",
        "kind": "stale_token",
    });
    assert_eq!(problem, expected);

    let metadata = rpc(of_term(6)).await;
    assert_eq!(Code::of_metadata(&metadata), Some(Code::FailedPrecondition));
    assert_eq!(Stale::read_high(&metadata), Ok(Some(token(7))));
    assert!(!metadata.contains_key("grpc-retry-pushback-ms"));
}

#[tokio::test]
async fn a_token_that_is_missing_or_no_token_is_the_senders_fault_and_tells_no_floor() {
    for (request, kind) in [
        (saying([]), "token_missing"),
        (saying(["x"]), "token_malformed"),
    ] {
        let (status, headers, problem) = web(request.clone()).await;
        assert_eq!((status, &problem["kind"]), (400, &json!(kind)));
        assert_eq!(Stale::read_high(&headers), Ok(None));
        assert!(
            problem.get("safe_new_key").is_none(),
            "it is no idempotency key"
        );
        let metadata = rpc(request).await;
        assert_eq!(Code::of_metadata(&metadata), Some(Code::InvalidArgument));
    }
    let (status, _, _) = web(of_term(7)).await;
    assert_eq!(status, 200);
    assert_eq!(
        Code::of_metadata(&rpc(of_term(7)).await),
        None,
        "it is let in"
    );
}

#[tokio::test]
async fn a_term_that_could_not_be_recorded_is_the_services_fault() {
    let refusal = Rejection::new(Kind::TermUnrecorded, Executed::No, "ledger".into());
    let (web, rpc) = answered(refusal).await;
    let (status, _, problem) = split(web).await;
    assert_eq!((status, &problem["kind"]), (503, &json!("term_unrecorded")));
    assert!(problem.get("safe_new_key").is_none());
    assert_eq!(Code::of_metadata(rpc.headers()), Some(Code::Unavailable));
}

#[tokio::test]
async fn a_node_that_does_not_lead_says_who_does_and_when_to_ask_again() {
    let hint = NotLeader::new(Some(NodeId(2)));
    let (web, rpc) = answered(hint.rejection("orders".into()).after(WAIT)).await;
    let (status, headers, problem) = split(web).await;
    assert_eq!((status, &problem["kind"]), (503, &json!("not_leader")));
    assert_eq!(headers["leader-node"], "2");
    assert_eq!(NotLeader::read_leader(&headers), Some(NodeId(2)));
    assert_eq!(
        (&headers["retry-after"], &problem["retry_after_ms"]),
        (&"2".parse().unwrap(), &json!(1500))
    );
    assert_eq!(Code::of_metadata(rpc.headers()), Some(Code::Unavailable));
    assert_eq!(NotLeader::read_leader(rpc.headers()), Some(NodeId(2)));
    assert_eq!(rpc.headers()["grpc-retry-pushback-ms"], "1500");

    let (web, rpc) = answered(NotLeader::default().rejection("orders".into())).await;
    for headers in [web.headers(), rpc.headers()] {
        assert!(!headers.contains_key("leader-node"), "nobody knows");
        assert_eq!(NotLeader::read_leader(headers), None);
    }
}

#[tokio::test]
async fn a_call_that_was_cut_off_is_answered_as_one_that_may_have_run() {
    let hint = NotLeader::new(Some(NodeId(2)));
    let (web, rpc) = answered(hint.cut_off("orders".into())).await;
    let (status, headers, problem) = split(web).await;
    assert_eq!((status, &problem["kind"]), (504, &json!("leadership_lost")));
    assert_eq!(NotLeader::read_leader(&headers), Some(NodeId(2)));
    assert!(!headers.contains_key("retry-after"));
    assert_eq!(Code::of_metadata(rpc.headers()), Some(Code::Aborted));
}

/// What a retry above a client makes of an answer, by default.
fn by_status(response: &Response<Body>) -> Outcome {
    ByStatus.classify(Ok::<_, &Error<Infallible>>(response))
}

fn by_code(response: &Response<Body>) -> Outcome {
    ByCode::default().classify(Ok::<_, &Error<Infallible>>(response))
}

#[tokio::test]
async fn a_client_repeats_what_another_node_may_do_and_never_a_stale_token() {
    let stale = fenced()
        .layer(error::layer().layer(service_fn(done)))
        .oneshot(of_term(6))
        .await;
    let Err(Error::Rejected(stale)) = stale else {
        panic!("it is stale");
    };
    for never in [
        stale,
        Rejection::new(Kind::TokenMissing, Executed::No, "ledger".into()),
        Rejection::new(Kind::TokenMalformed, Executed::No, "ledger".into()),
    ] {
        let (web, rpc) = answered(never).await;
        assert_eq!(by_status(&web), Outcome::Success, "an answer");
        assert_eq!(by_code(&rpc), Outcome::Success, "an answer");
    }
    let hint = NotLeader::default();
    let (web, rpc) = answered(hint.rejection("orders".into()).after(WAIT)).await;
    let failure = by_status(&web).failure().unwrap();
    assert!(failure.is_transient());
    assert_eq!(failure.asked(), Pushback::After(Duration::from_secs(2)));
    let failure = by_code(&rpc).failure().unwrap();
    assert!(failure.is_transient());
    assert_eq!(failure.asked(), Pushback::After(WAIT));

    let (web, rpc) = answered(hint.cut_off("orders".into())).await;
    let failure = by_status(&web).failure().unwrap();
    assert!(failure.is_transient(), "what is safe to run twice");
    assert_eq!(failure.was_executed(), Executed::Unknown);
    assert_eq!(by_code(&rpc), Outcome::Success, "for a higher level");
}

/// In one process the layers' own refusals are nobody's failure: to ask the same node again is to spin.
#[test]
fn within_a_process_none_of_these_refusals_is_repeated_by_default() {
    for kind in [
        Kind::StaleToken,
        Kind::TokenMissing,
        Kind::TokenMalformed,
        Kind::TermUnrecorded,
        Kind::NotLeader,
        Kind::LeadershipLost,
    ] {
        let error = Error::<Infallible>::from(Rejection::new(kind, Executed::No, "x".into()));
        let outcome = ByError.classify(Err::<&(), _>(&error));
        assert_eq!(outcome, Outcome::Ignored, "{kind:?}");
    }
}
