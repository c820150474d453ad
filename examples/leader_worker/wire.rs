//! What goes from process to process: JSON over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mainstay::coordination::{
    FencingToken, LeaseRequest, LeaseResponse, Stale, Timing, TimingConfig, Unsealed,
};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use tower::{BoxError, Service, ServiceBuilder, service_fn};

pub(crate) const RESOURCE: &str = "ledger";
pub(crate) const TTL: Duration = Duration::from_secs(1);
/// How long a node waits in one go for a lease to be given back.
pub(crate) const WAIT: Duration = Duration::from_millis(200);

/// The same for all: clocks whose rates differ from true time by at most 1 %.
pub(crate) fn timing() -> Result<Timing, BoxError> {
    let config = TimingConfig::default().ttl(TTL);
    Ok(Timing::new(config.drift(0.01).margin(TTL / 10))?)
}

pub(crate) type Http = Client<HttpConnector, Full<Bytes>>;

pub(crate) fn http() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

/// The way to the acceptor at `port`: behind a timeout, and cut while `is_cut`.
pub(crate) fn acceptor(
    port: u16,
    http: Http,
    is_cut: Arc<AtomicBool>,
) -> Result<
    impl Service<LeaseRequest, Response = LeaseResponse, Error = BoxError, Future: Send> + Clone + Send,
    BoxError,
> {
    let timeout = TimeoutConfig::default().limit(WAIT + TTL / 10);
    let send = service_fn(move |request: LeaseRequest| {
        let (http, is_cut) = (http.clone(), Arc::clone(&is_cut));
        async move {
            if is_cut.load(Ordering::Relaxed) {
                // As when every packet is lost: nothing comes back, and nobody says why.
                std::future::pending::<()>().await;
            }
            let (_, body) =
                post(&http, port, "/lease", None, serde_json::to_vec(&request)?).await?;
            Ok::<LeaseResponse, BoxError>(serde_json::from_slice(&body)?)
        }
    });
    Ok(ServiceBuilder::new()
        .layer(TimeoutLayer::new("acceptor", timeout)?)
        .service(send))
}

/// Asks the resource at `port`, in the name of a term.
pub(crate) async fn ask(
    http: &Http,
    port: u16,
    path: &str,
    token: FencingToken,
    body: Vec<u8>,
) -> Result<(), Unsealed> {
    let failed = |error: BoxError| Unsealed::Failed(error);
    let answer = post(http, port, path, Some(token), body).await;
    let (head, _) = answer.map_err(failed)?;
    if head.status == StatusCode::OK {
        return Ok(());
    }
    match Stale::read_high(&head.headers) {
        Ok(Some(high)) => Err(Unsealed::Stale { high }),
        Ok(None) | Err(_) => Err(failed(
            format!("the resource answers {}", head.status).into(),
        )),
    }
}

async fn post(
    http: &Http,
    port: u16,
    path: &str,
    token: Option<FencingToken>,
    body: Vec<u8>,
) -> Result<(http::response::Parts, Bytes), BoxError> {
    let mut request = Request::post(format!("http://127.0.0.1:{port}{path}"));
    request = request.header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("fencing-token", token.to_string());
    }
    let response = http.request(request.body(Full::from(body))?).await?;
    let (head, body) = response.into_parts();
    Ok((head, body.collect().await?.to_bytes()))
}

/// Cuts the worker at `port` off from the others, or ends that.
pub(crate) async fn cut(http: &Http, port: u16, is_cut: bool) -> Result<(), BoxError> {
    let path = if is_cut { "/cut" } else { "/heal" };
    post(http, port, path, None, Vec::new()).await?;
    Ok(())
}
