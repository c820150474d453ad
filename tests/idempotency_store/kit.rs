//! Claims and answers, shortly.

use std::time::Duration;

use bytes::Bytes;
use mainstay::idempotency::{
    Claim, Claimed, Fenced, Fingerprint, MemoryStore, MemoryStoreConfig, OnLapse, Owner, Store,
    StoreKey, Stored,
};

pub(crate) const LEASE: Duration = Duration::from_secs(10);
pub(crate) const RETENTION: Duration = Duration::from_secs(100);
/// What a key costs, by the page of the settings.
pub(crate) const KEY: usize = 576;

pub(crate) fn memory(records: usize, bytes: usize) -> MemoryStore {
    let config = MemoryStoreConfig::default().records(records).bytes(bytes);
    MemoryStore::new(config).expect("settings in range")
}

/// The claim of an owner to the key of this number.
pub(crate) fn claim(key: u64, owner: u128) -> Claim {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&key.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    bytes[8..16].copy_from_slice(&key.to_le_bytes());
    Claim {
        key: StoreKey::from_bytes(bytes),
        fingerprint: Fingerprint::from_bytes([1; 32]),
        owner: Owner::from_number(owner),
        lease: LEASE,
        retention: RETENTION,
        on_lapse: OnLapse::Indeterminate,
    }
}

pub(crate) const ACQUIRED: Claimed = Claimed::Acquired { attempt: 1 };

pub(crate) fn record(bytes: usize) -> Stored {
    Stored::Record(Bytes::from(vec![b'r'; bytes]))
}

pub(crate) async fn claims<S: Store>(store: &S, claim: &Claim) -> Claimed {
    let Ok(answer) = store.claim(claim).await else {
        panic!("the store answers");
    };
    answer
}

pub(crate) async fn finishes<S: Store>(store: &S, claim: &Claim, result: Stored) -> Fenced {
    let Ok(answer) = store.finish(claim, result).await else {
        panic!("the store answers");
    };
    answer
}

/// Claims a key and finishes it with a record of so many bytes.
pub(crate) async fn done(store: &MemoryStore, key: u64, bytes: usize) -> Claim {
    let claim = claim(key, u128::from(key) + 1);
    assert_eq!(claims(store, &claim).await, ACQUIRED, "key {key}");
    let finished = finishes(store, &claim, record(bytes)).await;
    assert_eq!(finished, Fenced::Applied, "key {key}");
    claim
}
