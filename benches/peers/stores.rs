//! The store of idempotency keys beside two caches with which one could be built.
//!
//! A cache has no owners, leases, fingerprints or attempts, and may forget a key that is claimed; here
//! it keeps a result of the same size under the same key, and a mark while it is pending. moka forgets
//! by time as the store does, `quick_cache` does not.

#[path = "../cases/idempotency.rs"]
mod keys;

use std::time::Duration;

use bytes::Bytes;
use divan::Bencher;

fn main() {
    divan::main();
}

const KEYS: [u64; 2] = [100, 100_000];
const MOST: u64 = 1_000_000;

/// What a cache keeps of a key.
#[derive(Clone)]
enum Kept {
    Pending(u128),
    Done(Bytes),
}

trait Cache {
    fn new() -> Self;
    /// Whether the key was new.
    fn claim(&self, key: [u8; 32], owner: u128) -> bool;
    fn finish(&self, key: [u8; 32], record: Bytes);
    fn replay(&self, key: [u8; 32]) -> Option<Kept>;
    fn purge(&self, key: &[u8; 32]);
}

impl Cache for ::moka::sync::Cache<[u8; 32], Kept> {
    fn new() -> Self {
        let cache = Self::builder().max_capacity(MOST);
        cache.time_to_live(Duration::from_secs(86_400)).build()
    }

    fn claim(&self, key: [u8; 32], owner: u128) -> bool {
        self.entry(key).or_insert(Kept::Pending(owner)).is_fresh()
    }

    fn finish(&self, key: [u8; 32], record: Bytes) {
        self.insert(key, Kept::Done(record));
    }

    fn replay(&self, key: [u8; 32]) -> Option<Kept> {
        self.get(&key)
    }

    fn purge(&self, key: &[u8; 32]) {
        self.invalidate(key);
    }
}

impl Cache for ::quick_cache::sync::Cache<[u8; 32], Kept> {
    fn new() -> Self {
        Self::new(usize::try_from(MOST).expect("64 bits"))
    }

    fn claim(&self, key: [u8; 32], owner: u128) -> bool {
        match self.get_value_or_guard(&key, None) {
            ::quick_cache::sync::GuardResult::Guard(guard) => {
                guard.insert(Kept::Pending(owner)).is_ok()
            }
            _ => false,
        }
    }

    fn finish(&self, key: [u8; 32], record: Bytes) {
        self.insert(key, Kept::Done(record));
    }

    fn replay(&self, key: [u8; 32]) -> Option<Kept> {
        self.get(&key)
    }

    fn purge(&self, key: &[u8; 32]) {
        self.remove(key);
    }
}

/// The same as `keys::Keys`, over a cache.
struct Cached<C> {
    cache: C,
    record: Bytes,
    next: u64,
}

impl<C: Cache> Cached<C> {
    fn done(keys: u64) -> Self {
        let mut all = Self {
            cache: C::new(),
            record: Bytes::from(vec![7; 256]),
            next: 0,
        };
        for _ in 0..keys {
            assert!(all.claim_and_finish());
        }
        all
    }

    fn claim_and_finish(&mut self) -> bool {
        self.next += 1;
        let key = keys::key(self.next);
        let is_new = self.cache.claim(key, 1);
        self.cache.finish(key, Bytes::copy_from_slice(&self.record));
        is_new
    }

    fn claim_finish_and_purge(&mut self) -> bool {
        let is_new = self.claim_and_finish();
        self.cache.purge(&keys::key(self.next));
        is_new
    }

    fn replay(&mut self, keys: u64) -> bool {
        self.next = self.next.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let key = (self.next >> 20) % keys + 1;
        match self.cache.replay(keys::key(key)) {
            Some(Kept::Done(record)) => !record.is_empty(),
            Some(Kept::Pending(owner)) => owner == 0,
            None => false,
        }
    }
}

macro_rules! rows {
    ($($group:ident: $store:ty;)+) => {$(
        mod $group {
            use super::*;

            #[divan::bench(args = KEYS, sample_count = 200, sample_size = 2000)]
            fn claim_finish_and_purge(bencher: Bencher<'_, '_>, keys: u64) {
                let mut all = <$store>::done(keys);
                bencher.bench_local(|| all.claim_finish_and_purge());
            }

            #[divan::bench(args = KEYS, sample_count = 200, sample_size = 2000)]
            fn replay(bencher: Bencher<'_, '_>, keys: u64) {
                let mut all = <$store>::done(keys);
                bencher.bench_local(|| all.replay(keys));
            }
        }
    )+};
}

rows! {
    mainstay: keys::Keys;
    moka: Cached<::moka::sync::Cache<[u8; 32], Kept>>;
    quick_cache: Cached<::quick_cache::sync::Cache<[u8; 32], Kept>>;
}
