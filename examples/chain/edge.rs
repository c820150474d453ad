//! The outermost service: HTTP in, HTTP out.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::get};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use mainstay::deadline::{
    DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer,
};
use mainstay::error;
use mainstay::http::{AttemptHeader, Extensions, RespondLayer};
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::trace::{TraceClientLayer, TraceServerLayer};
use tokio::net::TcpListener;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

use super::MARGIN;
use super::hop::Journal;

pub(crate) async fn serve(middle: SocketAddr, journal: Journal) -> Result<SocketAddr, BoxError> {
    let attempts = Extensions::default().attempt_header(AttemptHeader::XRetryAttempt);
    let limit = TimeoutConfig::default().limit(Duration::from_secs(1));
    let margin = DeadlineClientConfig::default().margin(MARGIN);
    // Below the retry: each attempt has a span of its own, and what time is left by then.
    let client = ServiceBuilder::new()
        .layer(RetryLayer::http("middle", RetryConfig::default())?.context(attempts))
        .layer(TimeoutLayer::http("middle", limit)?)
        .layer(TraceClientLayer::new("middle"))
        .layer(DeadlineClientLayer::http("middle", margin)?)
        .layer(error::layer())
        .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());

    let handler = move |headers: HeaderMap| {
        let mut client = client.clone();
        async move {
            let _hop = journal.begin("edge", attempt(&headers));
            let request = http::Request::get(format!("http://{middle}/")).body(Full::default());
            let Ok(request) = request else {
                return StatusCode::INTERNAL_SERVER_ERROR;
            };
            // The client's layers find deadline and trace in the task; the handler passes nothing on.
            let answer = match client.ready().await {
                Ok(client) => client.call(request).await,
                Err(error) => Err(error),
            };
            answer.map_or(StatusCode::GATEWAY_TIMEOUT, |response| response.status())
        }
    };
    listen(Router::new().route("/", get(handler)), "edge").await
}

/// Which attempt of its caller's a request is.
pub(crate) fn attempt(headers: &HeaderMap) -> u32 {
    let said = headers.get("x-retry-attempt");
    let number = said.and_then(|value| value.to_str().ok()?.parse().ok());
    number.unwrap_or(1)
}

/// Serves `router` behind the layers that both HTTP services have.
pub(crate) async fn listen(router: Router, name: &'static str) -> Result<SocketAddr, BoxError> {
    let router = router.layer(
        ServiceBuilder::new()
            .layer(RespondLayer::new())
            .layer(TraceServerLayer::new(name))
            .layer(DeadlineServerLayer::http(
                name,
                DeadlineServerConfig::default(),
            )?)
            .layer(error::layer()),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok(address)
}
