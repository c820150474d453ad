//! A service that calls others with the trace context that it was called with: the counterpart of the
//! W3C's validation suite (<https://github.com/w3c/trace-context>, folder `test`).
//!
//! It takes a POST on any path with a JSON array of `{"url": .., "arguments": ..}`, POSTs each
//! `arguments` to its `url`, and answers when all have answered.
//!
//! ```text
//! cargo run --example trace_service -- 5000   # serves on 127.0.0.1:5000; 0 is any free port
//!
//! git clone https://github.com/w3c/trace-context && cd trace-context/test
//! pip install aiohttp
//! STRICT_LEVEL=2 SPEC_LEVEL=2 python3 test.py http://127.0.0.1:5000/
//! ```

use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use axum::{Json, Router};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use mainstay::error::{self, ErrorService};
use mainstay::http::RespondLayer;
use mainstay::timeout::{Timeout, TimeoutConfig, TimeoutLayer};
use mainstay::trace::{TraceClient, TraceClientLayer, TraceServerLayer};
use serde_json::Value;
use tokio::net::TcpListener;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

type Peer = TraceClient<Timeout<ErrorService<Client<HttpConnector, Full<Bytes>>>>>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let port = std::env::args()
        .nth(1)
        .map_or(Ok(5000), |port| port.parse::<u16>())?;

    // A span id for each call. With a retry layer in the stack, this goes below it.
    let limit = TimeoutConfig::default().limit(Duration::from_secs(5));
    let peers: Peer = ServiceBuilder::new()
        .layer(TraceClientLayer::new("peers"))
        .layer(TimeoutLayer::new("peers", limit)?)
        .layer(error::layer())
        .service(Client::builder(TokioExecutor::new()).build_http());

    // One context for each request. It is current while the handler runs, which so need not know.
    let router = Router::new().fallback(call_each).with_state(peers).layer(
        ServiceBuilder::new()
            .layer(RespondLayer::new())
            .layer(TraceServerLayer::new("api"))
            .layer(error::layer()),
    );

    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

async fn call_each(State(peers): State<Peer>, Json(calls): Json<Value>) -> StatusCode {
    for call in calls.as_array().into_iter().flatten() {
        if let Err(error) = post(peers.clone(), call).await {
            eprintln!("{error}");
            return StatusCode::BAD_GATEWAY;
        }
    }
    StatusCode::OK
}

async fn post(mut peers: Peer, call: &Value) -> Result<(), BoxError> {
    let url = call["url"].as_str().ok_or("a call without a url")?;
    let request = Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(call["arguments"].to_string()))?;
    peers.ready().await?.call(request).await?;
    Ok(())
}
