//! A store in memory that knows so many keys already, and one claim, finish and replay in it.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;

use ::mainstay::idempotency::{
    Claim, Claimed, Fenced, Fingerprint, MemoryStore, MemoryStoreConfig, OnLapse, Owner, Store,
    StoreKey, Stored,
};

/// A store, a record of 256 bytes, and the number of the next key.
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
