//! What is inside a store, which its answers do not show.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;

use super::room::KEY_BYTES;
use super::waiter::Waiter;
use super::{MemoryStore, MemoryStoreConfig};
use crate::idempotency::{
    Claim, Claimed, Fenced, Fingerprint, Hasher, OnLapse, Owner, Store, StoreKey, Stored, Tombstone,
};
use crate::rng::Rng;
use crate::time;

const SECOND: Duration = Duration::from_secs(1);

fn claim(key: u64) -> Claim {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&key.to_le_bytes());
    Claim {
        key: StoreKey::from_bytes(bytes),
        fingerprint: Fingerprint::hashed(Hasher::new("test")),
        owner: Owner::from_number(u128::from(key)),
        lease: SECOND,
        retention: 10 * SECOND,
        on_lapse: OnLapse::TakeOver,
    }
}

fn store(config: MemoryStoreConfig) -> MemoryStore {
    MemoryStore::new(config).unwrap()
}

/// Answers of a store that never makes one wait.
fn now<T>(answer: impl Future<Output = T>) -> T {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("an operation waits"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_counted_and_indexed_is_what_is_there_after_every_step() {
    let one = std::env::var("MAINSTAY_SEED").ok();
    let one = one.map(|seed| seed.parse::<u64>().expect("MAINSTAY_SEED is a number"));
    for seed in one.map_or(0..200, |seed| seed..seed + 1) {
        println!("seed {seed}");
        let rng = Rng::seeded(seed);
        let draw = |below: u64| (rng.bits() >> 16) % below;
        let records = [1, 3, 20, 5000][usize::try_from(draw(4)).unwrap()];
        let config = MemoryStoreConfig::default().records(records);
        let store = store(config.bytes(12_000).evict_oldest(draw(2) == 0));
        for _ in 0..300 {
            let claim = Claim {
                owner: Owner::from_number(u128::from(draw(3))),
                retention: SECOND.saturating_mul([0, 1, 5, 20][usize::try_from(draw(4)).unwrap()]),
                ..claim(draw(30))
            };
            match draw(8) {
                0..3 => _ = now(store.claim(&claim)),
                3 => _ = now(store.renew(&claim)),
                4 => {
                    let bytes = vec![0; usize::try_from(draw(3000)).unwrap()];
                    let result = Stored::Record(Bytes::from(bytes));
                    _ = now(store.finish(&claim, result));
                }
                5 => {
                    let result = Stored::Tombstone(Tombstone::ByHandler);
                    _ = now(store.finish(&claim, result));
                }
                6 if draw(2) == 0 => _ = now(store.purge(&claim.key)),
                6 => _ = now(store.release(&claim)),
                _ => tokio::time::advance(SECOND.mul_f64(0.5)).await,
            }
            let [bells, kept, _] = store.audit();
            assert!(bells == 0 && kept <= records, "{kept} kept");
        }
        tokio::time::advance(60 * SECOND).await;
        assert_eq!(store.snapshot().records(), 0);
        assert_eq!(store.audit()[1], 0);
    }
}

/// Of keys that expire together, most are there yet when one of them is asked for: it is as one that is
/// not known, and costs what a new one does.
#[tokio::test(start_paused = true)]
async fn a_key_that_has_expired_and_was_not_swept_yet_is_not_known() {
    let last = claim(19);
    let other = Claim {
        owner: Owner::from_number(77),
        ..last
    };
    let record = || Stored::Record(Bytes::from_static(&[0; 1000]));
    for ended in [None, Some(record())] {
        let full = || {
            let store = store(MemoryStoreConfig::default().records(100));
            assert_eq!(store.shards(), 1);
            for key in 0..=19 {
                assert!(now(store.claim(&claim(key))).is_ok());
                if let Some(ended) = &ended {
                    assert!(now(store.finish(&claim(key), ended.clone())).is_ok());
                }
            }
            store
        };
        for by in [last, other] {
            let stores = [full(), full(), full(), full(), full()];
            tokio::time::advance(10 * SECOND).await;
            let [claimed, finished, renewed, released, purged] = &stores;
            let new = Claimed::Acquired { attempt: 1 };
            assert_eq!(now(claimed.claim(&by)), Ok(new));
            assert_eq!(now(finished.finish(&by, record())), Ok(Fenced::Applied));
            assert_eq!(now(renewed.renew(&by)), Ok(Fenced::Gone));
            assert_eq!(now(released.release(&by)), Ok(Fenced::Gone));
            assert_eq!(now(purged.purge(&by.key)), Ok(false));
            let kept = stores.each_ref().map(|store| store.audit()[1]);
            assert_eq!(kept, [16, 16, 15, 15, 15]);
            assert_eq!(now(finished.claim(&last)), Ok(Claimed::Done(record())));
            assert_eq!(finished.snapshot().bytes(), KEY_BYTES + 1000);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn memory_comes_back_though_only_one_other_key_is_used() {
    let store = store(MemoryStoreConfig::default());
    for key in 1..=20_000 {
        assert!(now(store.claim(&claim(key))).is_ok());
        let result = Stored::Tombstone(Tombstone::ByHandler);
        assert!(now(store.finish(&claim(key), result)).is_ok());
    }
    let [_, kept, space] = store.audit();
    assert!(kept == 20_000 && space >= kept, "{space}");
    tokio::time::advance(11 * SECOND).await;
    // A look at four keys of its own shard with each operation, and at four of others on average.
    let operations = 20_000;
    for _ in 0..operations {
        assert!(now(store.claim(&claim(0))).is_ok());
    }
    let [_, kept, space] = store.audit();
    assert_eq!(kept, 1, "of {} shards", store.shards());
    assert!(space <= 128 * store.shards(), "space for {space}");
}

#[tokio::test(start_paused = true)]
async fn what_expires_is_forgotten_faster_than_new_keys_come() {
    let store = store(MemoryStoreConfig::default().records(4096));
    for key in 0..2000 {
        assert!(now(store.claim(&claim(key))).is_ok());
    }
    tokio::time::advance(10 * SECOND).await;
    for key in 2000..2400 {
        assert!(now(store.claim(&claim(key))).is_ok());
    }
    assert_eq!(store.audit()[1], 400);
}

#[tokio::test(start_paused = true)]
async fn what_is_renewed_for_ever_takes_no_more_place_than_what_is_not() {
    let store = store(MemoryStoreConfig::default().records(10));
    assert!(now(store.claim(&claim(1))).is_ok());
    for _ in 0..1000 {
        assert!(now(store.renew(&claim(1))).is_ok());
        assert!(now(store.claim(&claim(1))).is_ok());
        tokio::time::advance(SECOND.mul_f64(0.9)).await;
        let in_flight = matches!(
            now(store.claim(&Claim {
                owner: Owner::from_number(9),
                ..claim(1)
            })),
            Ok(Claimed::InFlight { .. })
        );
        assert!(in_flight);
        assert_eq!(store.audit()[1], 1); // and the index has it once
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_hangs_one_bell_a_key_and_the_last_who_goes_takes_it() {
    let store = store(MemoryStoreConfig::default());
    assert!(now(store.claim(&claim(1))).is_ok());
    assert!(now(store.claim(&claim(2))).is_ok());
    let mut cx = Context::from_waker(Waker::noop());
    {
        let first = claim(1).key;
        let second = claim(2).key;
        let mut waits: Vec<_> = (0..10)
            .map(|_| Box::pin(store.changed(&first, SECOND)))
            .collect();
        let mut other = Box::pin(store.changed(&second, SECOND));
        assert_eq!(store.audit()[0], 0); // before they are polled
        for wait in &mut waits {
            assert!(wait.as_mut().poll(&mut cx).is_pending());
        }
        assert!(other.as_mut().poll(&mut cx).is_pending());
        assert_eq!(store.audit()[0], 2);
        waits.truncate(1);
        assert_eq!(store.audit()[0], 2);
        drop(waits);
        assert_eq!(store.audit()[0], 1);
        drop(other);
        assert_eq!(store.audit()[0], 0);
    }
    {
        let key = claim(1).key;
        let mut wait = Box::pin(store.changed(&key, SECOND));
        let mut twin = Box::pin(store.changed(&key, SECOND));
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        assert!(twin.as_mut().poll(&mut cx).is_pending());
        assert!(now(store.release(&claim(1))).is_ok());
        assert_eq!(store.audit()[0], 0); // rung, and gone
        // The same key is claimed again and waited for, before the first has looked.
        assert!(now(store.claim(&claim(1))).is_ok());
        let mut next = Box::pin(store.changed(&key, SECOND));
        assert!(next.as_mut().poll(&mut cx).is_pending());
        assert!(wait.as_mut().poll(&mut cx).is_ready());
        drop(wait);
        assert!(twin.as_mut().poll(&mut cx).is_ready());
        drop(twin);
        assert_eq!(store.audit()[0], 1); // not another's bell
        assert!(next.as_mut().poll(&mut cx).is_pending());
        tokio::time::advance(SECOND).await;
        assert!(next.as_mut().poll(&mut cx).is_ready());
    }
    assert_eq!(store.audit()[0], 0);
}

#[tokio::test(start_paused = true)]
async fn two_who_leave_at_once_take_no_bell_but_their_own() {
    let store = store(MemoryStoreConfig::default());
    let waiter = || {
        let home = store.home_of(&claim(1));
        Waiter::new(home, claim(1).key, time::now()).unwrap()
    };
    assert!(now(store.claim(&claim(1))).is_ok());
    let ((first, first_rung), (second, second_rung)) = (waiter(), waiter());
    assert!(now(store.release(&claim(1))).is_ok());
    assert!(now(store.claim(&claim(1))).is_ok());
    let (third, third_rung) = waiter();
    // Both have heard it, and neither has left.
    drop((first_rung, second_rung));
    drop(first);
    drop(second);
    assert_eq!(store.audit()[0], 1);
    drop(third_rung);
    drop(third);
    assert_eq!(store.audit()[0], 0);
}

#[test]
fn there_are_more_shards_for_more_keys_and_one_for_few() {
    let shards = |records, keys| {
        let config = MemoryStoreConfig::default().records(records);
        store(config.bytes(keys * KEY_BYTES)).shards()
    };
    for few in [1, 2, 1023, 1024, 2047] {
        assert_eq!((shards(few, 1 << 20), shards(1 << 20, few)), (1, 1));
    }
    assert_eq!((shards(2048, 1 << 20), shards(1 << 20, 2048)), (2, 2));
    let most = store(
        MemoryStoreConfig::default()
            .records(usize::MAX)
            .bytes(usize::MAX),
    );
    assert!(most.shards() >= 4 && most.shards() <= 64);
    assert!(most.shards().is_power_of_two());
}
