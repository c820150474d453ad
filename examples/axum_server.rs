//! A server that protects itself: what comes past its capacity is told so, in time and in a form
//! that a client can read.
//!
//! ```text
//! cargo run --example axum_server            # serves on 127.0.0.1:3000; a port can be given
//!
//! curl -i http://127.0.0.1:3000/             # 200
//! curl -i http://127.0.0.1:3000/slow         # 504 after a second: the handler takes longer
//! for i in 1 2 3 4; do curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:3000/slow & done
//!                                            # 503 at once for two of them, 504 for the others
//! ```

use std::time::Duration;

use axum::{Router, routing::get};
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::error;
use mainstay::http::RespondLayer;
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use tokio::net::TcpListener;
use tower::{BoxError, ServiceBuilder};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let port = std::env::args()
        .nth(1)
        .map_or(Ok(3000), |port| port.parse::<u16>())?;
    let stack = ServiceBuilder::new()
        // Outermost: a refusal becomes `application/problem+json`, and the error `Infallible`.
        .layer(RespondLayer::new())
        .layer(BulkheadLayer::http(
            "api",
            BulkheadConfig::default().concurrency(2),
        )?)
        .layer(TimeoutLayer::http(
            "api",
            TimeoutConfig::default().limit(Duration::from_secs(1)),
        )?)
        // Innermost: the handlers' `Infallible` becomes an error that can hold a refusal.
        .layer(error::layer());

    let router = Router::new()
        .route("/", get(async || "hello\n"))
        .route("/slow", get(slow))
        .layer(stack);

    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(60)).await;
    "at last\n"
}
