//! Claims, ends and waiters under every interleaving of a few threads. The bell is tokio's, which loom
//! does not see into: for it, to ring and to listen are one step each.

use std::pin::pin;
use std::sync::Arc as StdArc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use loom::sync::{Arc, Notify};
use loom::thread;

use super::room::KEY_BYTES;
use super::waiter::Waiter;
use super::{MemoryStore, MemoryStoreConfig};
use crate::idempotency::{
    Claim, Claimed, Fenced, Fingerprint, OnLapse, Owner, Store, StoreKey, Stored,
};
use crate::rng::Rng;
use crate::time;

fn claim(key: u8, owner: u128) -> Claim {
    Claim {
        key: StoreKey::from_bytes([key; 32]),
        fingerprint: Fingerprint::from_bytes([1; 32]),
        owner: Owner::from_number(owner),
        lease: Duration::from_secs(3600),
        retention: Duration::from_secs(7200),
        on_lapse: OnLapse::Indeterminate,
    }
}

/// One that is the same in every execution.
fn store(seed: u64, records: usize, bytes: usize) -> Arc<MemoryStore> {
    let config = MemoryStoreConfig::default().records(records).bytes(bytes);
    Arc::new(MemoryStore::spread_by(&Rng::seeded(seed), config).unwrap())
}

fn now<T>(answer: impl Future<Output = T>) -> T {
    let mut cx = Context::from_waker(Waker::noop());
    match pin!(answer).poll(&mut cx) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => panic!("an operation waits"),
    }
}

const ACQUIRED: Claimed = Claimed::Acquired { attempt: 1 };

struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: StdArc<Self>) {
        self.0.notify();
    }
}

/// Claims until the key is acquired or done. Loom fails the test if it waits for ever.
fn insist(store: &MemoryStore, claim: &Claim) -> Claimed {
    loop {
        let Ok(answer) = now(store.claim(claim));
        if !matches!(answer, Claimed::InFlight { .. }) {
            return answer;
        }
        // As `changed` does, without its timer.
        if let Some((waiter, rung)) = Waiter::new(store.home_of(claim), claim.key, time::now()) {
            let bell = StdArc::new(Bell(Notify::new()));
            let waker = Waker::from(StdArc::clone(&bell));
            {
                let mut rung = pin!(rung);
                while rung
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
                {
                    bell.0.wait();
                }
            }
            drop(waiter);
        }
    }
}

#[test]
fn loom_who_waits_hears_of_the_end_whenever_it_comes() {
    loom::model(|| {
        let store = store(1, 10, 1 << 20);
        assert_eq!(now(store.claim(&claim(1, 1))), Ok(ACQUIRED));
        let waits = {
            let store = Arc::clone(&store);
            thread::spawn(move || insist(&store, &claim(1, 2)))
        };
        let result = Stored::Record(Bytes::from_static(b"result"));
        let finished = now(store.finish(&claim(1, 1), result.clone()));
        assert_eq!(finished, Ok(Fenced::Applied));
        assert_eq!(waits.join().unwrap(), Claimed::Done(result));
        assert_eq!(store.audit()[0], 0, "a bell is left");
    });
}

#[test]
fn loom_a_key_is_handed_over_and_two_who_wait_leave_nothing() {
    loom::model(|| {
        let store = store(1, 10, 1 << 20);
        assert_eq!(now(store.claim(&claim(1, 1))), Ok(ACQUIRED));
        let threads = [2, 3].map(|owner| {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                assert_eq!(insist(&store, &claim(1, owner)), ACQUIRED);
                let released = now(store.release(&claim(1, owner)));
                assert_eq!(released, Ok(Fenced::Applied));
            })
        });
        assert_eq!(now(store.release(&claim(1, 1))), Ok(Fenced::Applied));
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(store.audit(), [0, 0, store.audit()[2]]);
    });
}

#[test]
fn loom_two_shards_share_what_room_there_is_and_count_it_truly() {
    let homes = StdArc::new(std::sync::Mutex::new([0, 0]));
    for seed in 0..4 {
        let homes = StdArc::clone(&homes);
        loom::model(move || {
            // Room for either record, and not for both.
            let store = store(seed, 2048, 2048 * KEY_BYTES);
            let [a, b] = [1, 2].map(|key| std::ptr::from_ref(store.home_of(&claim(key, 1))));
            homes.lock().unwrap()[usize::from(a == b)] += 1;
            let threads = [1, 2].map(|key| {
                let store = Arc::clone(&store);
                thread::spawn(move || {
                    assert_eq!(now(store.claim(&claim(key, 1))), Ok(ACQUIRED));
                    let result = Stored::Record(Bytes::from(vec![0; 2046 * KEY_BYTES]));
                    let finished = now(store.finish(&claim(key, 1), result));
                    assert_eq!(finished, Ok(Fenced::Applied));
                })
            });
            for thread in threads {
                thread.join().unwrap();
            }
            store.audit();
            let seen = store.snapshot();
            assert_eq!((seen.done(), seen.tombstones()), (2, 1));
        });
    }
    let [apart, together] = *homes.lock().unwrap();
    assert!(
        apart > 0 && together > 0,
        "{apart} apart, {together} together"
    );
}

#[test]
fn loom_of_two_who_claim_one_key_or_its_last_room_one_has_it() {
    for keys in [[1, 1], [1, 2]] {
        loom::model(move || {
            let store = store(1, 1, 1 << 20);
            let threads = [0, 1].map(|at: usize| {
                let store = Arc::clone(&store);
                let owner = u128::from(at == 1);
                thread::spawn(move || now(store.claim(&claim(keys[at], owner))).unwrap())
            });
            let answers = threads.map(|thread| thread.join().unwrap());
            let won = answers.iter().filter(|answer| **answer == ACQUIRED);
            assert_eq!(won.count(), 1, "{answers:?}");
            assert_eq!(store.audit()[1], 1);
        });
    }
}
