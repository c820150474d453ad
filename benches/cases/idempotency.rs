//! The layer of idempotency keys, over its store in memory.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};

use ::mainstay::idempotency::{
    ByMessageId, DoneOnly, IdempotencyConfig, IdempotencyLayer, MemoryStore, MemoryStoreConfig,
};

use super::{Case, Inner};

/// Of the cases in which a request comes again.
const KNOWN: u64 = 1024;

/// Requests that have run, and are answered by what was kept.
pub(crate) fn mainstay_hit(inner: impl Inner) -> impl Case {
    let mut service = layer(inner);
    super::runtime().block_on(async {
        for number in 0..KNOWN {
            let answer = service.call(number).await;
            assert!(answer.is_ok_and(|answer| answer == number), "it runs");
        }
    });
    service.map_request(|number: u64| number % KNOWN)
}

/// Requests that are new, each of which runs in a task of its own.
pub(crate) fn mainstay_miss(inner: impl Inner) -> impl Case {
    Driven::new(layer(inner))
}

/// Runs each number once, and answers its repeats with 7.
fn layer(inner: impl Inner) -> impl Case {
    let by_number = ByMessageId::new(|number: &u64| Some(number.to_be_bytes()));
    let records = usize::try_from(KNOWN).expect("64 bits");
    let store = MemoryStoreConfig::default().records(records);
    let store = MemoryStore::new(store.evict_oldest(true));
    let layer = IdempotencyLayer::new(
        "bench",
        IdempotencyConfig::at_most_once(),
        by_number,
        DoneOnly::new().response(|| 7_u64),
        store.expect("settings in range"),
    );
    super::layer(layer.map(IdempotencyLayer::single_tenant), inner)
}

/// How many services there are that number their own calls.
static NUMBERED: AtomicU64 = AtomicU64::new(0);

/// A service whose calls need tasks: each is driven to its end by a runtime, of the service's own. It numbers
/// them itself, so that no clone repeats what another has asked.
struct Driven<S> {
    inner: S,
    next: u64,
    runtime: Arc<Runtime>,
}

impl<S> Driven<S> {
    fn new(inner: S) -> Self {
        Self {
            inner,
            next: NUMBERED.fetch_add(1, Ordering::Relaxed) << 40,
            runtime: Arc::new(super::runtime()),
        }
    }
}

impl<S: Clone> Clone for Driven<S> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone())
    }
}

impl<S: Service<u64>> Service<u64> for Driven<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Drive<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, _number: u64) -> Drive<S::Future> {
        self.next += 1;
        Drive {
            inner: self.inner.call(self.next),
            runtime: Arc::clone(&self.runtime),
        }
    }
}

#[pin_project::pin_project]
struct Drive<F> {
    #[pin]
    inner: F,
    runtime: Arc<Runtime>,
}

impl<F: Future> Future for Drive<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        Poll::Ready(this.runtime.block_on(this.inner))
    }
}
