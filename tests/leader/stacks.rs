//! Below an idempotency layer, as in a server's stack.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use mainstay::coordination::{LeaderConfig, LeaderLayer, ManualSeat, TokioClock};
use mainstay::error;
use mainstay::http::RespondLayer;
use mainstay::idempotency::{IdempotencyConfig, IdempotencyLayer, MemoryStore, MemoryStoreConfig};
use serde_json::Value;
use tokio::time::sleep;
use tower::{ServiceBuilder, ServiceExt};

use super::MS;
use super::kit::{timing, token};

async fn charge(app: &Router) -> (StatusCode, Value) {
    let request = Request::post("/charges").header("idempotency-key", "\"k\"");
    let request = request.body(Body::empty()).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// A handler that takes a while and counts how often it was begun.
fn app(seat: &ManualSeat) -> (Router, Arc<AtomicU32>) {
    let ran = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&ran);
    let handler = move || {
        count.fetch_add(1, Ordering::SeqCst);
        sleep(500 * MS)
    };
    let store = MemoryStore::new(MemoryStoreConfig::default()).unwrap();
    let idempotency = IdempotencyLayer::http("charges", IdempotencyConfig::default(), store);
    let leader = LeaderLayer::new("charges", seat.clone(), LeaderConfig::default());
    let stack = ServiceBuilder::new()
        .layer(RespondLayer::new())
        .layer(idempotency.unwrap().single_tenant())
        .layer(leader.unwrap())
        .layer(error::layer());
    let app = Router::new().route("/charges", post(handler)).layer(stack);
    (app, ran)
}

#[tokio::test(start_paused = true)]
async fn a_key_that_a_follower_refused_is_free_for_when_it_leads() {
    let seat = ManualSeat::new(timing(), TokioClock::new());
    let (app, ran) = app(&seat);
    let (status, problem) = charge(&app).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["kind"], "not_leader");
    seat.lead(token(1));
    assert_eq!(charge(&app).await.0, StatusCode::OK);
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_call_was_cut_off_does_not_run_again_in_the_next_term() {
    let seat = ManualSeat::new(timing(), TokioClock::new());
    let (app, ran) = app(&seat);
    seat.lead(token(1));
    sleep(600 * MS).await;
    let (status, problem) = charge(&app).await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(problem["kind"], "leadership_lost");
    for (wait, kind) in [(0, "in_flight"), (3600, "outcome_unknown")] {
        sleep(1000 * MS * wait).await;
        seat.lead(token(2));
        let (status, problem) = charge(&app).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert_eq!(problem["kind"], kind);
    }
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}
