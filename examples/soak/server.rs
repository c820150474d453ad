//! The service: axum behind every layer of a server.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::routing::{get, post};
use bytes::Bytes;
use futures::stream;
use mainstay::bulkhead::{BulkheadConfig, BulkheadHandle, BulkheadLayer};
use mainstay::deadline::{DeadlineServerConfig, DeadlineServerLayer};
use mainstay::http::{RespondLayer, UntilBodyEnd};
use mainstay::idempotency::{
    Duplicates, IdempotencyConfig, IdempotencyHandle, IdempotencyLayer, MemoryStore,
    MemoryStoreConfig,
};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::trace::{TraceContext, TraceServerLayer};
use mainstay::{Deadline, error};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tower::{BoxError, ServiceBuilder};

use super::ledger::{Ledger, Nonce};
use super::tally::Tally;
use super::{CALL, KEYS_MAX, RETENTION};

/// How long a handler may take.
const WORK: Duration = Duration::from_millis(200);
/// How long a duplicate waits for the first.
const WAIT: Duration = Duration::from_millis(100);
/// How many calls are worked on at once, and how many wait. Copies and what was given up come on top of
/// the callers.
const CONCURRENCY: u32 = 80;
const QUEUE: u32 = 400;
/// How much a body has at most.
pub(crate) const ECHO_MAX: u64 = 24 << 10;
pub(crate) const ADD_MAX: u64 = 1 << 10;
/// More than a key and its record take.
const KEY_BYTES: usize = 4 << 10;
/// How much of it is sent at once.
const PIECE: usize = 8 << 10;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) bulkhead: BulkheadHandle,
    pub(crate) keys: IdempotencyHandle<MemoryStore>,
    pub(crate) store: MemoryStore,
}

#[derive(Clone)]
struct Desk {
    ledger: Ledger,
    tally: Tally,
}

impl Server {
    pub(crate) async fn start(ledger: Ledger, tally: Tally) -> Result<Self, BoxError> {
        // No record is to be given up for want of room: its repeat could not be answered.
        let room = MemoryStoreConfig::default().records(KEYS_MAX);
        let store = MemoryStore::new(room.bytes(KEYS_MAX * KEY_BYTES))?;
        let once = IdempotencyConfig::at_most_once()
            .lease(RETENTION)
            .ceiling(RETENTION)
            .retention(RETENTION)
            .duplicates(Duplicates::Wait { max: WAIT });
        let once = IdempotencyLayer::http("soak", once, store.clone())?;
        let room = BulkheadConfig::default()
            .concurrency(CONCURRENCY)
            .queue(QUEUE);
        let room = BulkheadLayer::http("soak", room)?;
        let (bulkhead, keys) = (room.handle(), once.handle());
        let limit = TimeoutConfig::default().limit(WORK);
        let deadline = DeadlineServerConfig::default();
        let stack = ServiceBuilder::new()
            .layer(RespondLayer::new())
            .layer(TraceServerLayer::new("soak"))
            .layer(DeadlineServerLayer::http("soak", deadline)?)
            .layer(room.hold(UntilBodyEnd))
            .layer(TimeoutLayer::http("soak", limit)?)
            .layer(once.single_tenant())
            .layer(error::layer());
        let router = Router::new()
            .route("/echo/{nonce}", get(echo))
            .route("/add/{nonce}", post(add))
            .with_state(Desk { ledger, tally })
            .layer(stack);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(Self {
            address,
            bulkhead,
            keys,
            store,
        })
    }
}

/// Some handlers take their time, and some take longer than they may.
async fn work(nonce: Nonce, tally: &Tally) {
    let time = match nonce.bits() >> 8 & 0x1ff {
        0 => 400,
        1..4 => 150,
        4..12 => 30,
        _ => return,
    };
    tally.fault("fault: slow handler", false);
    sleep(Duration::from_millis(time)).await;
}

/// What the layers put around the handler is that of its caller.
fn check(desk: &Desk) {
    let now = Instant::now();
    match Deadline::current().map(|deadline| deadline.remaining(now)) {
        Some(left) if left <= CALL => {}
        other => desk.tally.wrong("the handler has no such deadline", &other),
    }
}

/// What says whose answer it is.
fn head(nonce: Nonce, more: [(&'static str, String); 1]) -> HeaderMap {
    let trace = TraceContext::current().map(|context| context.trace_id().to_string());
    let fields = [
        ("x-nonce", nonce.0.to_string()),
        ("x-trace", trace.unwrap_or_default()),
    ];
    let fields = fields.into_iter().chain(more);
    let fields = fields.filter_map(|(name, value)| {
        let value = HeaderValue::try_from(value).ok()?;
        Some((HeaderName::from_static(name), value))
    });
    fields.collect()
}

/// Gives the bytes of a nonce, in pieces.
async fn echo(State(desk): State<Desk>, Path(nonce): Path<u64>) -> (HeaderMap, Body) {
    let nonce = Nonce(nonce);
    check(&desk);
    work(nonce, &desk.tally).await;
    let bytes = nonce.bytes(ECHO_MAX);
    let head = head(nonce, [("content-length", bytes.len().to_string())]);
    let bytes = Bytes::from(bytes);
    let pieces = (0..bytes.len())
        .step_by(PIECE)
        .map(move |at| Ok::<_, BoxError>(bytes.slice(at..bytes.len().min(at + PIECE))));
    (head, Body::from_stream(stream::iter(pieces)))
}

/// Has an effect, and says how often it was had.
async fn add(
    State(desk): State<Desk>,
    Path(nonce): Path<u64>,
    body: Bytes,
) -> Result<(StatusCode, HeaderMap, Vec<u8>), StatusCode> {
    let nonce = Nonce(nonce);
    check(&desk);
    if body != nonce.bytes(ADD_MAX) {
        desk.tally
            .wrong("the body is not the request's", &(nonce, body.len()));
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let acts_first = nonce.bits() & 1 == 0;
    if !acts_first {
        work(nonce, &desk.tally).await;
    }
    let effects = match desk.ledger.act(nonce) {
        Ok(1) => 1,
        Ok(effects) => {
            desk.tally
                .wrong("a key had more than one effect", &(nonce, effects));
            effects
        }
        Err(forgotten) => {
            desk.tally
                .wrong("an effect came too late", &(nonce, forgotten));
            return Err(StatusCode::GONE);
        }
    };
    if acts_first {
        work(nonce, &desk.tally).await;
    }
    let head = head(nonce, [("x-effects", effects.to_string())]);
    Ok((StatusCode::CREATED, head, nonce.bytes(ADD_MAX)))
}
