//! The service in the middle: HTTP in, gRPC out.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::get};
use bytes::Bytes;
use mainstay::deadline::{DeadlineClientConfig, DeadlineClientLayer};
use mainstay::error;
use mainstay::grpc::{IdempotentMethods, RespondLayer};
use mainstay::http::{ReplayBody, ReplayBodyLayer};
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::trace::TraceClientLayer;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tower::{BoxError, ServiceBuilder};

use super::MARGIN;
use super::edge::{attempt, listen};
use super::hop::Journal;
use super::tonic_kit::{KitClient, answered};

const WORK: &str = "/kit.Kit/Work";

pub(crate) async fn serve(leaf: SocketAddr, journal: Journal) -> Result<SocketAddr, BoxError> {
    let limit = TimeoutConfig::default().limit(Duration::from_secs(1));
    let margin = DeadlineClientConfig::default().margin(MARGIN);
    let channel = Endpoint::from_shared(format!("http://{leaf}"))?.connect_lazy();
    let retry = RetryLayer::grpc("leaf", RetryConfig::default())?;
    let stack = ServiceBuilder::new()
        .layer(RespondLayer::new()) // a refusal becomes a status, which tonic reads
        .layer(ReplayBodyLayer::new())
        .layer(retry.replay(IdempotentMethods::new([WORK])?))
        .layer(TimeoutLayer::grpc("leaf", limit)?)
        .layer(TraceClientLayer::new("leaf"))
        .layer(DeadlineClientLayer::grpc("leaf", margin)?)
        .map_result(answered) // what the channel fails with is a status too
        .layer(error::layer())
        .map_request(|request: http::Request<ReplayBody<Body>>| request.map(Body::new))
        .service(channel);
    let client = KitClient::new(stack);

    let handler = move |headers: HeaderMap| {
        let mut client = client.clone();
        async move {
            let _hop = journal.begin("middle", attempt(&headers));
            match client.unary(WORK, Bytes::new()).await {
                Ok(_) => StatusCode::OK,
                Err(status) if status.code() == tonic::Code::DeadlineExceeded => {
                    StatusCode::GATEWAY_TIMEOUT
                }
                Err(_) => StatusCode::BAD_GATEWAY,
            }
        }
    };
    listen(Router::new().route("/", get(handler)), "middle").await
}
