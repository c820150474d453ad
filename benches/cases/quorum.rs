//! A lease that is held, and renewed again and again.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use mainstay::coordination::{
    AcceptorId, AcceptorService, BootClock, EphemeralTokenStore, LeaseStore, NodeId, QuorumConfig,
    QuorumLease, Timing, TimingConfig,
};
use tokio::runtime::Runtime;

pub(super) struct Held {
    lease: QuorumLease<AcceptorService>,
}

impl Held {
    pub(super) fn new(runtime: &Runtime) -> Self {
        let timing = Timing::new(TimingConfig::default()).expect("settings in range");
        let acceptors = [1, 2, 3].map(AcceptorId).map(|id| {
            let store = EphemeralTokenStore::new("bench");
            let acceptor = AcceptorService::embedded("bench", id, timing, store, BootClock);
            (id, acceptor)
        });
        let config = QuorumConfig::new(timing);
        let lease = QuorumLease::new("bench", NodeId(1), acceptors, config);
        let mut lease = lease.expect("settings in range");
        runtime.block_on(lease.acquire(None)).expect("elected");
        Self { lease }
    }

    pub(super) fn renew(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let renewed = pin!(self.lease.renew()).poll(&mut cx);
        assert!(matches!(renewed, Poll::Ready(Ok(_))), "in one poll");
    }
}
