//! One request that crosses three services, and has 250 ms.
//!
//! A caller asks `edge` (axum), which asks `middle` (axum), which asks `leaf` (tonic), over sockets.
//! The leaf fails once, so that it is asked again, and then takes longer than anybody waits. Each hop
//! says which trace it is in, whose call it is, which attempt, and what time is left.
//!
//! ```text
//! cargo run --release --example chain
//! ```
//!
//! It fails when a hop is not in the caller's trace, has more time than the one before, or goes on for
//! longer than the margin after the caller is gone, and what a busy machine adds to it.

#[path = "chain/edge.rs"]
mod edge;
#[path = "chain/hop.rs"]
mod hop;
#[path = "chain/leaf.rs"]
mod leaf;
#[path = "chain/middle.rs"]
mod middle;
#[expect(dead_code, reason = "nothing streams here")]
#[path = "tonic_kit/mod.rs"]
mod tonic_kit;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::Instant;
use tower::BoxError;

use hop::Journal;

/// What the caller gives.
const TIME: Duration = Duration::from_millis(250);
/// What each hop keeps back of it.
const MARGIN: Duration = Duration::from_millis(10);
/// What a busy machine may add before a timer's task runs.
const SLACK: Duration = Duration::from_millis(100);

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let journal = Journal::default();
    let leaf = leaf::serve(journal.clone())?;
    let middle = middle::serve(leaf, journal.clone()).await?;
    let edge = edge::serve(middle, journal.clone()).await?;

    let request = http::Request::get(format!("http://{edge}/"))
        .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
        .header("x-request-timeout-ms", TIME.as_millis().to_string())
        .body(Full::<Bytes>::default())?;
    let client = Client::builder(TokioExecutor::new()).build_http();

    println!("caller  trace {TRACE}  parent 00f067aa0ba902b7             {TIME:?} given");
    let began = Instant::now();
    let response = client.request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    let gone = Instant::now();
    println!(
        "caller  {status} after {:?}: {}",
        gone - began,
        body.escape_ascii()
    );

    // Whatever went on for longer shows itself now.
    tokio::time::sleep(Duration::from_secs(3)).await;
    journal.check(began + TIME, gone)
}
