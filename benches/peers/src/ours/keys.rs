//! The layer of idempotency keys, and its store in memory.

use std::time::Duration;

use bytes::Bytes;
use tower::{Layer, Service, ServiceExt};

use super::subject::idempotency::{
    ByMessageId, Claim, Claimed, DoneOnly, Fenced, Fingerprint, IdempotencyConfig,
    IdempotencyLayer, MemoryStore, MemoryStoreConfig, OnLapse, Owner, Store, StoreKey, Stored,
};
use crate::peers::stores::{KEYS, Keys, key};
use crate::subject::{Call, Inner, Outcome, Subject, Tally, Worker, now, subject};

/// A store that forgets the oldest of so many.
fn store(records: usize) -> MemoryStore {
    let config = MemoryStoreConfig::default().records(records);
    let config = config.bytes(usize::MAX).evict_oldest(true);
    MemoryStore::new(config).expect("settings in range")
}

/// Runs each number once, and answers its repeats with 7.
pub fn layer(inner: impl Inner<u64>, records: usize) -> impl Call<u64> {
    let by_number = ByMessageId::new(|number: &u64| Some(number.to_be_bytes()));
    let config = IdempotencyConfig::at_most_once().executions(20_000);
    let done = DoneOnly::new().response(|| 7_u64);
    let layer = IdempotencyLayer::new("bench", config, by_number, done, store(records));
    layer
        .expect("settings in range")
        .single_tenant()
        .layer(inner)
}

pub fn runtime() -> tokio::runtime::Runtime {
    crate::measure::runtime()
}

/// The repeats of requests that have run.
pub fn layer_hit(inner: impl Inner<u64>) -> Subject {
    let service = layer(inner, 2 * KEYS as usize);
    runtime().block_on(async {
        for number in 0..KEYS {
            let answer = service.clone().oneshot(number).await;
            assert_eq!(answer.expect("it runs"), number + 1);
        }
    });
    subject(Outcome::Each(7), |number| number % KEYS, service)
}

/// Requests that are new: each runs in a task of its own, on a runtime.
pub fn layer_miss(inner: impl Inner<u64>) -> Subject {
    fn future<S: Service<u64>>(_: &S) -> usize {
        size_of::<S::Future>()
    }
    let service = layer(inner, KEYS as usize);
    let mut threads = 0;
    let future = future(&service);
    let worker = move || -> Worker {
        let runtime = runtime();
        let mut service = service.clone();
        threads += 1;
        let mut next = threads << 40;
        Box::new(move |calls| {
            let mut tally = Tally::default();
            runtime.block_on(async {
                for _ in 0..calls {
                    next += 1;
                    let ready = service.ready().await.expect("it is ready");
                    let worth = ready.call(next).await.map(|worth| worth.wrapping_sub(next));
                    tally.add(worth);
                }
            });
            tally
        })
    };
    Subject {
        worker: Box::new(worker),
        future,
        outcome: Outcome::Next,
    }
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

impl Keys for MemoryStore {
    fn of(keys: u64) -> Self {
        store(usize::try_from(keys).expect("64 bits"))
    }

    fn claim(&self, number: u64) -> bool {
        now(Store::claim(self, &claim(number, 1))) == Ok(Claimed::Acquired { attempt: 1 })
    }

    fn finish(&self, number: u64, record: &[u8]) -> bool {
        let record = Stored::Record(Bytes::copy_from_slice(record));
        now(Store::finish(self, &claim(number, 1), record)) == Ok(Fenced::Applied)
    }

    fn replay(&self, number: u64) -> Option<usize> {
        match now(Store::claim(self, &claim(number, 2))) {
            Ok(Claimed::Done(Stored::Record(record))) => Some(record.len()),
            _ => None,
        }
    }

    fn purge(&self, number: u64) -> bool {
        now(Store::purge(self, &StoreKey::from_bytes(key(number)))) == Ok(true)
    }
}

pub type OurStore = MemoryStore;
