//! The resource: a file that one leader at a time may add to, behind a gate.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use http::{HeaderMap, Request, StatusCode};
use mainstay::coordination::{
    Bearer as _, FencingGate, FencingLayer, FencingToken, FileTokenStore, Permit, TokenField,
};
use mainstay::error;
use mainstay::http::RespondLayer;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tower::{BoxError, ServiceBuilder};

/// What has come to the resource.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Which node began to write in which term, and when.
    pub(crate) terms: Vec<(FencingToken, u32, Instant)>,
    /// Writes that came from an earlier term and were refused.
    pub(crate) stale: u64,
}

#[derive(Clone)]
pub(crate) struct Resource {
    gate: FencingGate,
    file: Arc<Mutex<File>>,
    log: Arc<Mutex<Log>>,
}

impl Resource {
    /// Serves it; where.
    pub(crate) async fn serve(folder: &Path) -> Result<(Self, u16), BoxError> {
        let tokens = FileTokenStore::create(folder.join("gate.tokens"), "ledger-gate")?;
        let path = folder.join("ledger.txt");
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let resource = Self {
            gate: FencingGate::durable(tokens),
            file: Arc::new(Mutex::new(file)),
            log: Arc::default(),
        };
        let guarded = ServiceBuilder::new()
            .layer(RespondLayer::new())
            .layer(FencingLayer::new("ledger", resource.gate.clone()))
            .layer(error::layer());
        let routes = Router::new()
            .route("/write", post(write).layer(guarded))
            .route("/seal", post(seal))
            .layer(from_fn_with_state(resource.clone(), count))
            .with_state(resource.clone());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok((resource, port))
    }

    pub(crate) fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().expect("nothing panics with it")
    }

    /// Waits until a term writes that is not `before`.
    pub(crate) async fn next(
        &self,
        before: Option<FencingToken>,
        within: Duration,
    ) -> Result<(FencingToken, u32, Instant), BoxError> {
        let begin = Instant::now();
        loop {
            let last = self.log().terms.last().copied();
            if let Some(term) = last.filter(|term| Some(term.0) > before) {
                return Ok(term);
            }
            if begin.elapsed() > within {
                return Err(format!("nobody writes after {within:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Adds a line. The layer has let it in, and lets no seal return before this has.
async fn write(
    State(resource): State<Resource>,
    Extension(permit): Extension<Permit>,
    line: String,
) -> StatusCode {
    let node = line.split(' ').nth(1).and_then(|node| node.parse().ok());
    let (token, Some(node)) = (permit.token(), node) else {
        return StatusCode::BAD_REQUEST;
    };
    let written = resource
        .file
        .lock()
        .expect("nothing panics with it")
        .write_all(line.as_bytes());
    if written.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let mut log = resource.log();
    if log.terms.last().is_none_or(|last| last.0 != token) {
        log.terms.push((token, node, Instant::now()));
    }
    StatusCode::OK
}

async fn seal(State(resource): State<Resource>, headers: HeaderMap) -> (StatusCode, HeaderMap) {
    let mut answer = HeaderMap::new();
    let Ok(Some(token)) = TokenField.token(&headers) else {
        return (StatusCode::BAD_REQUEST, answer);
    };
    let status = match resource.gate.seal(token).await {
        Ok(()) => StatusCode::OK,
        Err(error) => {
            if let Some(high) = error.high() {
                answer.insert("fencing-token-high", high.number().into());
            }
            StatusCode::CONFLICT
        }
    };
    (status, answer)
}

async fn count(
    State(resource): State<Resource>,
    request: Request<axum::body::Body>,
    next: Next,
) -> Response {
    let is_write = request.uri().path() == "/write";
    let response = next.run(request).await;
    if is_write && response.status() == StatusCode::CONFLICT {
        resource.log().stale += 1;
    }
    response
}

/// How many lines are of an earlier term than one above them.
pub(crate) fn landed_stale(ledger: &Bytes) -> Result<u64, BoxError> {
    let mut high = 0;
    let mut stale = 0;
    for line in std::str::from_utf8(ledger)?.lines() {
        let token: u64 = line.split(' ').next().unwrap_or_default().parse()?;
        stale += u64::from(token < high);
        high = high.max(token);
    }
    Ok(stale)
}
