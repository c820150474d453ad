//! The smallest useful client: retries within a budget, a circuit breaker, and a limit on every
//! attempt, around a hyper client. It calls a server of its own that fails two times out of three.
//!
//! ```text
//! cargo run --example client
//! ```

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use axum::{Router, http::StatusCode, routing::get};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use mainstay::breaker::{BreakerConfig, BreakerLayer};
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{Error, error};
use tower::{BoxError, Service as _, ServiceBuilder, ServiceExt as _};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let uri = flaky_server().await?;

    let limit = TimeoutConfig::default().limit(Duration::from_millis(500));
    let mut client = ServiceBuilder::new()
        .layer(RetryLayer::http("greeter", RetryConfig::default())?)
        .layer(BreakerLayer::http("greeter", BreakerConfig::default())?)
        .layer(TimeoutLayer::http("greeter", limit)?)
        .layer(error::layer())
        .service(Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>());

    for call in 1..=5 {
        let request = Request::get(&uri).body(Empty::new())?;
        match client.ready().await?.call(request).await {
            Ok(response) => {
                let status = response.status();
                let body = response.into_body().collect().await?.to_bytes();
                println!("call {call}: {status} {}", String::from_utf8_lossy(&body));
            }
            Err(Error::Rejected(refusal)) => println!("call {call}: refused, {refusal}"),
            Err(failed) => println!("call {call}: failed, {failed}"),
        }
    }
    Ok(())
}

/// Answers every third request well, and the others with a 500.
async fn flaky_server() -> Result<String, BoxError> {
    static REQUESTS: AtomicU32 = AtomicU32::new(1);
    let answer = async || match REQUESTS.fetch_add(1, Relaxed) {
        request if request % 3 == 0 => Ok(format!("hello from request {request}")),
        _ => Err(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let uri = format!("http://{}/", listener.local_addr()?);
    let router = Router::new().route("/", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(uri)
}
