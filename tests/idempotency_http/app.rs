//! An app of axum whose handlers count how often they run, and what its clients see.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use axum::response::Sse;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use mainstay::http::{Extensions, KeyHeader, RecordResponse, RespondLayer, Verdict};
use mainstay::idempotency::{
    Execution, IdempotencyConfig, IdempotencyLayer, MemoryStore, MemoryStoreConfig, Unscoped,
};
use mainstay::{Kind, error};
use serde_json::Value;
use tower::{ServiceBuilder, ServiceExt as _};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) type HttpLayer =
    IdempotencyLayer<KeyHeader, RecordResponse, MemoryStore, Unscoped, Extensions>;

pub(crate) fn store() -> MemoryStore {
    MemoryStore::new(MemoryStoreConfig::default()).unwrap()
}

pub(crate) fn layer() -> HttpLayer {
    IdempotencyLayer::http("payments", IdempotencyConfig::default(), store()).unwrap()
}

/// How often the handlers ran.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ran(Arc<AtomicU32>);

impl Ran {
    pub(crate) fn once(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn times(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Handlers, each of which counts itself.
pub(crate) fn routes(ran: &Ran) -> Router {
    let count = |ran: &Ran| {
        let ran = ran.clone();
        move || ran.once()
    };
    let (charge, slow, long, events, busy, said) = (
        count(ran),
        count(ran),
        count(ran),
        count(ran),
        count(ran),
        count(ran),
    );
    let charge = move |Extension(execution): Extension<Execution>, body: Bytes| async move {
        let text = format!(
            "charge {} of {}, attempt {}",
            charge(),
            body.len(),
            execution.attempt()
        );
        let headers = [
            ("location", "/charges/1"),
            ("set-cookie", "a=1"),
            ("x-request-id", "9"),
        ];
        (StatusCode::CREATED, headers, text)
    };
    let slow = move || async move {
        let number = slow();
        tokio::time::sleep(5 * SECOND).await;
        format!("slow {number}")
    };
    let events = move || async move {
        events();
        let event = axum::response::sse::Event::default().data("tick");
        Sse::new(futures::stream::iter([Ok::<_, Infallible>(event)]))
    };
    Router::new()
        .route("/charges", post(charge))
        .route("/slow", post(slow))
        .route(
            "/long",
            post(move || async move { (long(), vec![7_u8; 1024 * 1024 + 1]).1 }),
        )
        .route("/events", post(events))
        .route(
            "/busy",
            post(move || async move { (busy(), StatusCode::SERVICE_UNAVAILABLE).1 }),
        )
        .route(
            "/said",
            post(move || async move { (Extension(Verdict::Release), said().to_string()) }),
        )
}

pub(crate) fn app(ran: &Ran, rules: impl FnOnce(HttpLayer) -> HttpLayer) -> Router {
    let stack = ServiceBuilder::new()
        .layer(RespondLayer::new().type_base("https://errors.example/"))
        .layer(rules(layer()).single_tenant())
        .layer(error::layer());
    routes(ran).layer(stack)
}

pub(crate) fn keyed(path: &str, key: &str, body: &'static str) -> Request<Body> {
    let request = Request::post(path).header("idempotency-key", key);
    request.body(Body::from(body)).unwrap()
}

/// What a client sees.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn is_replay(&self) -> bool {
        self.headers
            .get("idempotency-replayed")
            .is_some_and(|value| value == "true")
    }

    /// The kind of a problem, whether a new key is safe, and when to come back.
    pub(crate) fn problem(&self) -> (u16, String, Option<bool>, Option<u64>) {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.headers["cache-control"], "no-store");
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        let kind = problem["kind"].as_str().unwrap();
        assert_eq!(problem["type"], format!("https://errors.example/{kind}"));
        assert_eq!(problem["status"], self.status);
        let after = self.headers.get("retry-after");
        let after = after.map(|value| value.to_str().unwrap().parse().unwrap());
        (
            self.status,
            kind.to_owned(),
            problem["safe_new_key"].as_bool(),
            after,
        )
    }
}

pub(crate) async fn ask(app: &Router, request: Request<Body>) -> Seen {
    seen(app.clone().oneshot(request).await.unwrap()).await
}

pub(crate) async fn seen(response: Response<Body>) -> Seen {
    let (head, body) = response.into_parts();
    Seen {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

pub(crate) fn problem(
    status: u16,
    kind: Kind,
    is_safe: Option<bool>,
    after: Option<u64>,
) -> (u16, String, Option<bool>, Option<u64>) {
    (status, kind.label().to_owned(), is_safe, after)
}
