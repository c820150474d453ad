//! Waiting for a key that another has.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use mainstay::idempotency::{Claim, Claimed, Fenced, MemoryStore, OnLapse, Store};
use tokio::time::Instant;

use crate::kit::{ACQUIRED, LEASE, claim, claims, finishes, memory, record};

const LONG: Duration = Duration::from_secs(3600);

fn store() -> MemoryStore {
    memory(10_000, 64 << 20)
}

/// How long a wait for key 1 takes while `then` is done after a second.
async fn waited<F: Future<Output = ()>>(store: &MemoryStore, wait: Duration, then: F) -> Duration {
    let start = Instant::now();
    let key = claim(1, 0).key;
    let changed = async {
        store.changed(&key, wait).await;
        start.elapsed()
    };
    let then = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        then.await;
    };
    tokio::join!(changed, then).0
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_finish_the_release_and_the_purge_and_not_before() {
    let store = store();
    let first = claim(1, 1);
    for end in 0..3 {
        assert_eq!(claims(&store, &first).await, ACQUIRED);
        let took = waited(&store, LONG, async {
            match end {
                0 => assert_eq!(store.release(&first).await, Ok(Fenced::Applied)),
                1 => assert_eq!(store.purge(&first.key).await, Ok(true)),
                _ => assert_eq!(finishes(&store, &first, record(1)).await, Fenced::Applied),
            }
        });
        assert_eq!(took.await, Duration::from_secs(1), "end {end}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_lease_and_when_it_is_over() {
    let store = store();
    let first = claim(1, 1);
    assert_eq!(claims(&store, &first).await, ACQUIRED);
    assert_eq!(waited(&store, LEASE / 2, async {}).await, LEASE / 2);
    assert_eq!(waited(&store, LONG, async {}).await, LEASE / 2);
    assert_eq!(
        waited(&store, Duration::MAX, async {}).await,
        Duration::ZERO
    );
    // A refused claim and a renewal are no change to wait for.
    assert_eq!(store.renew(&first).await, Ok(Fenced::Applied));
    let took = waited(&store, LEASE / 2, async {
        claims(&store, &claim(1, 2)).await;
        store.renew(&first).await.unwrap();
    });
    assert_eq!(took.await, LEASE / 2);

    let endless = Claim {
        lease: Duration::MAX,
        ..claim(2, 1)
    };
    assert_eq!(claims(&store, &endless).await, ACQUIRED);
    let start = Instant::now();
    store.changed(&endless.key, LONG).await;
    assert_eq!(start.elapsed(), LONG);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_key_that_nobody_has_ends_at_once() {
    let store = store();
    let took = async |store| waited(store, LONG, async {}).await;
    assert_eq!(took(&store).await, Duration::ZERO);
    let first = claim(1, 1);
    assert_eq!(claims(&store, &first).await, ACQUIRED);
    tokio::time::advance(LEASE).await;
    assert_eq!(took(&store).await, Duration::ZERO);
    finishes(&store, &first, record(1)).await;
    assert_eq!(took(&store).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_changes_between_a_claim_and_the_wait_is_not_missed() {
    let store = store();
    let first = claim(1, 1);
    assert_eq!(claims(&store, &first).await, ACQUIRED);
    let refused = claims(&store, &claim(1, 2)).await;
    assert!(matches!(refused, Claimed::InFlight { .. }));
    let mut changed = pin!(store.changed(&first.key, LONG));
    // Made, and not polled; then it changes; then it is polled.
    assert_eq!(store.release(&first).await, Ok(Fenced::Applied));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(changed.as_mut().poll(&mut cx).is_ready());

    // And when it has been polled, before it is polled again.
    assert_eq!(claims(&store, &first).await, ACQUIRED);
    let mut changed = pin!(store.changed(&first.key, LONG));
    assert!(changed.as_mut().poll(&mut cx).is_pending());
    assert_eq!(store.release(&first).await, Ok(Fenced::Applied));
    assert_eq!(claims(&store, &first).await, ACQUIRED);
    assert!(changed.as_mut().poll(&mut cx).is_ready());
}

/// Claims key 1 until it is acquired, and says at what attempt.
async fn acquires(store: MemoryStore, owner: u128, on_lapse: OnLapse) -> u64 {
    let claim = Claim {
        on_lapse,
        ..claim(1, owner)
    };
    loop {
        match claims(&store, &claim).await {
            Claimed::Acquired { attempt } => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                store.release(&claim).await.unwrap();
                return attempt;
            }
            Claimed::InFlight { .. } => store.changed(&claim.key, LONG).await,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_handed_from_waiter_to_waiter_without_a_pause() {
    let store = store();
    let start = Instant::now();
    let waiters: Vec<_> = (1..=100)
        .map(|owner| tokio::spawn(acquires(store.clone(), owner, OnLapse::Indeterminate)))
        .collect();
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap(), 1);
    }
    assert_eq!(start.elapsed(), Duration::from_secs(100));
    assert_eq!(store.snapshot().records(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_takes_over_as_soon_as_the_lease_lapses_and_after_a_release_at_once() {
    let store = store();
    assert_eq!(claims(&store, &claim(1, 1)).await, ACQUIRED);
    let start = Instant::now();
    let waiters: Vec<_> = (2..=11)
        .map(|owner| tokio::spawn(acquires(store.clone(), owner, OnLapse::TakeOver)))
        .collect();
    let mut attempts = Vec::new();
    for waiter in waiters {
        attempts.push(waiter.await.unwrap());
    }
    attempts.sort_unstable();
    // Nothing was run by those that gave it back, but the first may have run.
    assert_eq!(attempts, (2..=11).collect::<Vec<_>>());
    assert_eq!(start.elapsed(), LEASE + Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_is_handed_over_among_threads() {
    let store = store();
    let inside = Arc::new(AtomicUsize::new(0));
    let handed = (1..=60).map(|owner| {
        let (store, inside) = (store.clone(), Arc::clone(&inside));
        tokio::spawn(async move {
            let claim = Claim {
                lease: Duration::MAX,
                ..claim(1, owner)
            };
            while claims(&store, &claim).await != ACQUIRED {
                // One change missed, and it would wait for an hour.
                store.changed(&claim.key, LONG).await;
            }
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
            tokio::task::yield_now().await;
            inside.fetch_sub(1, Ordering::SeqCst);
            assert_eq!(store.release(&claim).await, Ok(Fenced::Applied));
        })
    });
    let handed: Vec<_> = handed.collect();
    let all = async {
        for one in handed {
            one.await.unwrap();
        }
    };
    let in_time = tokio::time::timeout(LONG / 60, all).await;
    assert!(in_time.is_ok(), "somebody was not woken");
}

/// A waker that asks the store when it is woken, and then panics.
struct Nosy(MemoryStore, AtomicUsize);

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {
        self.1
            .fetch_add(self.0.snapshot().records(), Ordering::SeqCst);
        panic!("a waker's own fault");
    }
}

#[tokio::test(start_paused = true)]
async fn a_waker_may_ask_the_store_and_its_panic_stays_its_own() {
    let store = store();
    let first = claim(1, 1);
    assert_eq!(claims(&store, &first).await, ACQUIRED);
    let nosy = Arc::new(Nosy(store.clone(), AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&nosy));
    let mut changed = pin!(store.changed(&first.key, LONG));
    let mut cx = Context::from_waker(&waker);
    assert!(changed.as_mut().poll(&mut cx).is_pending());
    let finished = finishes(&store, &first, record(3)).await;
    assert_eq!(finished, Fenced::Applied);
    assert_eq!(nosy.1.load(Ordering::SeqCst), 1);
    assert_eq!(changed.as_mut().poll(&mut cx), Poll::Ready(()));
    assert_eq!(store.snapshot().done(), 1);
}
