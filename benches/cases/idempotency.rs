//! The layer of idempotency keys, and its store in memory.

use std::future::{Ready, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Runtime;
use tower::{BoxError, Service, ServiceExt};

use ::mainstay::idempotency::{
    ByMessageId, Claim, Claimed, DoneOnly, Fenced, Fingerprint, IdempotencyConfig,
    IdempotencyLayer, MemoryStore, MemoryStoreConfig, OnLapse, Owner, Store, StoreKey, Stored,
};

use super::{Answer, Case};

/// Of the cases in which a request comes again.
const KNOWN: u64 = 1024;

/// Requests that have run, and are answered by what was kept.
pub(crate) fn hit() -> impl Case {
    let mut service = layer();
    super::runtime().block_on(async {
        for number in 0..KNOWN {
            let answer = service.call(number).await;
            assert!(answer.is_ok_and(|answer| answer == number), "it runs");
        }
    });
    service.map_request(|number: u64| number % KNOWN)
}

/// Requests that are new, each of which runs in a task of its own.
pub(crate) fn miss() -> impl Case {
    Driven::new(layer())
}

/// Repeats, of a store alone that knows as many keys.
pub(crate) fn store_hit() -> impl Case {
    Alone(Keys::done(KNOWN), |keys| keys.replay(KNOWN))
}

/// New requests, of a store alone; each is forgotten, so that their number stays.
pub(crate) fn store_miss() -> impl Case {
    Alone(Keys::done(KNOWN), Keys::claim_finish_and_purge)
}

/// Runs each number once, and answers its repeats with 7.
fn layer() -> impl Case {
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
    super::layer(layer.map(IdempotencyLayer::single_tenant), Answer)
}

/// A service whose calls need tasks: each is driven to its end by a runtime, of the service's own.
struct Driven<S> {
    inner: S,
    runtime: Arc<Runtime>,
}

impl<S> Driven<S> {
    fn new(inner: S) -> Self {
        Self {
            inner,
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

    fn call(&mut self, number: u64) -> Drive<S::Future> {
        Drive {
            inner: self.inner.call(number),
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

/// A store without a layer, and what is asked of it.
#[derive(Clone)]
struct Alone(Keys, fn(&mut Keys) -> bool);

impl Service<u64> for Alone {
    type Response = u64;
    type Error = BoxError;
    type Future = Ready<Result<u64, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, number: u64) -> Self::Future {
        let Self(keys, ask) = self;
        assert!(ask(keys), "another answer");
        ready(Ok(number))
    }
}

/// A store, a record of 256 bytes, and the number of the next key.
#[derive(Clone)]
pub(crate) struct Keys {
    store: MemoryStore,
    record: Stored,
    next: u64,
}

impl Keys {
    /// One that knows `keys` keys, all of them done.
    pub(crate) fn done(keys: u64) -> Self {
        let config = MemoryStoreConfig::default();
        let config = config.records(usize::MAX).bytes(usize::MAX);
        let mut all = Self {
            store: MemoryStore::new(config).expect("settings in range"),
            record: Stored::Record(Bytes::from(vec![7; 256])),
            next: 0,
        };
        for _ in 0..keys {
            assert!(all.claim_and_finish());
        }
        all
    }

    /// A request that is new: claimed, and finished.
    pub(crate) fn claim_and_finish(&mut self) -> bool {
        self.next += 1;
        let claim = claim(self.next, 1);
        let claimed = now(self.store.claim(&claim)) == Ok(Claimed::Acquired { attempt: 1 });
        claimed && now(self.store.finish(&claim, self.record.clone())) == Ok(Fenced::Applied)
    }

    /// And forgotten, so that their number stays.
    pub(crate) fn claim_finish_and_purge(&mut self) -> bool {
        let is_finished = self.claim_and_finish();
        is_finished && now(self.store.purge(&claim(self.next, 1).key)) == Ok(true)
    }

    /// A request that comes again: one of those that were known first, in no order.
    pub(crate) fn replay(&mut self, keys: u64) -> bool {
        self.next = self.next.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let key = (self.next >> 20) % keys + 1;
        matches!(now(self.store.claim(&claim(key, 2))), Ok(Claimed::Done(_)))
    }
}

/// As evenly spread as a hash.
pub(crate) fn key(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (word, part) in bytes.chunks_mut(8).zip(1..) {
        let mixed = (number ^ part)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(29);
        word.copy_from_slice(&mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9).to_le_bytes());
    }
    bytes
}

fn claim(number: u64, owner: u128) -> Claim {
    Claim {
        key: StoreKey::from_bytes(key(number)),
        fingerprint: Fingerprint::from_bytes([1; 32]),
        owner: Owner::from_number(owner),
        lease: Duration::from_secs(30),
        retention: Duration::from_secs(86_400),
        on_lapse: OnLapse::Indeterminate,
    }
}

/// Answers of a store that never makes one wait.
fn now<T>(answer: impl Future<Output = T>) -> T {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("an operation waits"),
    }
}
