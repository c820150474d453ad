//! What a renewal costs in one process.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use mainstay::coordination::{BootClock, LeaseStore, NodeId, QuorumConfig, QuorumLease};

use super::kit::*;

#[tokio::test(start_paused = true)]
async fn a_renewal_in_process_waits_for_nothing_and_allocates_nothing() {
    let acceptors = [1, 2, 3].map(acceptor);
    let pairs = acceptors.into_iter().map(|one| (one.id(), one));
    let config = QuorumConfig::new(timing()).clock(BootClock);
    let mut lease = QuorumLease::new(RESOURCE, NodeId(1), pairs, config).unwrap();
    lease.acquire(None).await.unwrap();
    settle().await;
    let mut cx = Context::from_waker(Waker::noop());
    let spawned = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    for _ in 0..100 {
        let measured = measure(|| {
            let renewal = pin!(lease.renew());
            assert!(matches!(renewal.poll(&mut cx), Poll::Ready(Ok(_))));
        });
        assert_eq!(measured.count_total, 0);
    }
    let after = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(after, spawned, "and nothing goes on beside it");
}
