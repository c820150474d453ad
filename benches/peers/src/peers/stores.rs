//! The store of idempotency keys beside two caches with which one could be built.
//!
//! A cache has no owners, leases, fingerprints or attempts, and may forget a key that is claimed; here
//! it keeps a result of the same size under the same key, and a mark while it is pending. moka forgets
//! by time as the store does, `quick_cache` does not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::subject::{Outcome, Subject, work};

/// Hot keys of the rows of idempotency.
pub const KEYS: u64 = 1024;
/// Of a record.
const BYTES: usize = 256;

/// What remembers the results of requests.
pub trait Keys: Send + Sync + 'static {
    /// With room for so many keys.
    fn of(keys: u64) -> Self;
    /// Whether the key was new.
    fn claim(&self, number: u64) -> bool;
    /// Whether the record was taken.
    fn finish(&self, number: u64, record: &[u8]) -> bool;
    /// The length of the record.
    fn replay(&self, number: u64) -> Option<usize>;
    fn purge(&self, number: u64) -> bool;
}

/// As evenly spread as a hash.
pub fn key(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (word, part) in bytes.chunks_mut(8).zip(1..) {
        let mixed = (number ^ part)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(29);
        word.copy_from_slice(&mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9).to_le_bytes());
    }
    bytes
}

/// What a cache keeps of a key.
#[derive(Clone)]
pub enum Kept {
    Pending(u128),
    Done(Bytes),
}

impl Kept {
    fn len(&self) -> Option<usize> {
        match self {
            Self::Done(record) => Some(record.len()),
            Self::Pending(owner) => (*owner == 0).then_some(0),
        }
    }
}

pub type Moka = moka::sync::Cache<[u8; 32], Kept>;
pub type Quick = quick_cache::sync::Cache<[u8; 32], Kept>;

impl Keys for Moka {
    fn of(keys: u64) -> Self {
        let cache = Self::builder().max_capacity(keys);
        cache.time_to_live(Duration::from_secs(86_400)).build()
    }

    fn claim(&self, number: u64) -> bool {
        self.entry(key(number))
            .or_insert(Kept::Pending(1))
            .is_fresh()
    }

    fn finish(&self, number: u64, record: &[u8]) -> bool {
        self.insert(key(number), Kept::Done(Bytes::copy_from_slice(record)));
        true
    }

    fn replay(&self, number: u64) -> Option<usize> {
        self.get(&key(number))?.len()
    }

    fn purge(&self, number: u64) -> bool {
        self.invalidate(&key(number));
        true
    }
}

impl Keys for Quick {
    fn of(keys: u64) -> Self {
        Self::new(usize::try_from(keys).expect("64 bits"))
    }

    fn claim(&self, number: u64) -> bool {
        use quick_cache::sync::GuardResult;
        match self.get_value_or_guard(&key(number), None) {
            GuardResult::Guard(guard) => guard.insert(Kept::Pending(1)).is_ok(),
            _ => false,
        }
    }

    fn finish(&self, number: u64, record: &[u8]) -> bool {
        self.insert(key(number), Kept::Done(Bytes::copy_from_slice(record)));
        true
    }

    fn replay(&self, number: u64) -> Option<usize> {
        self.get(&key(number))?.len()
    }

    fn purge(&self, number: u64) -> bool {
        self.remove(&key(number)).is_some()
    }
}

/// One that knows these keys.
fn with<K: Keys>(keys: u64, room: u64) -> Arc<K> {
    let store = K::of(room);
    for number in 0..keys {
        assert!(store.claim(number) && store.finish(number, &[7; BYTES]));
    }
    Arc::new(store)
}

fn spread(next: &mut u64, keys: u64) -> u64 {
    *next = next.wrapping_add(0x9E37_79B9_7F4A_7C15);
    (*next >> 20) % keys
}

/// A request that comes again, one of so many in no order.
pub fn hit<K: Keys>(keys: u64) -> Subject {
    // Room for twice as many: a cache of several shards may else forget one of them.
    let store = with::<K>(keys, 2 * keys + 1000);
    let mut next = 0;
    work(Outcome::Each(BYTES as u64), 0, move |_| {
        let record = store.replay(spread(&mut next, keys));
        record.map(|len| len as u64).ok_or(())
    })
}

/// A request that is new and runs: claimed, finished, and then forgotten, so that the number of keys stays.
pub fn miss<K: Keys>(keys: u64) -> Subject {
    comes_and_goes(with::<K>(keys, 2 * keys + 1000))
}

/// The same beside so many that run.
pub fn miss_beside_claims<K: Keys>(claims: u64) -> Subject {
    let store = K::of(2 * claims + 1000);
    for number in 0..claims {
        assert!(store.claim(number));
    }
    comes_and_goes(Arc::new(store))
}

fn comes_and_goes<K: Keys>(store: Arc<K>) -> Subject {
    let record = [7; BYTES];
    // Each thread has numbers of its own.
    let threads = Arc::new(std::sync::atomic::AtomicU64::new(1));
    let mut next = 0;
    work(Outcome::Each(1), 0, move |_| {
        if next == 0 {
            next = threads.fetch_add(1, std::sync::atomic::Ordering::Relaxed) << 40;
        }
        next += 1;
        let done = store.claim(next) && store.finish(next, &record) && store.purge(next);
        done.then_some(1).ok_or(())
    })
}
