//! With elections over one lease.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use mainstay::coordination::{
    AcquireError, Clock, ElectionConfig, FencingToken, Grant, LeaderConfig, LeaderElection,
    LeaderLayer, LeaseStore, NodeId, RenewError, Resigned, Safety, Timing, TokioClock,
};
use mainstay::test_util::{Act, Watch};
use mainstay::{Executed, Kind};
use tokio::time::{Instant, sleep};

use super::MS;
use super::kit::{Bench, CUT_OFF, REFUSED, Stack, over, said, timing, token};

/// The one lease that there is, for all nodes.
#[derive(Debug)]
struct Lease {
    clock: TokioClock,
    holder: Option<(NodeId, Grant)>,
    high: Option<FencingToken>,
    is_down: bool,
    /// What was running in a node's probe when it gave the lease back.
    released: Vec<usize>,
    stores: usize,
}

#[derive(Clone, Debug)]
struct Desk(Arc<Mutex<Lease>>);

struct Store {
    desk: Desk,
    node: NodeId,
    watch: Arc<Mutex<Option<Watch>>>,
}

impl Desk {
    fn new() -> Self {
        let lease = Lease {
            clock: TokioClock::new(),
            holder: None,
            high: None,
            is_down: false,
            released: Vec::new(),
            stores: 0,
        };
        Self(Arc::new(Mutex::new(lease)))
    }

    /// A node with its election, and the layer over a probe.
    fn node(&self, number: u32) -> Bench<impl Stack + use<>, LeaderElection> {
        self.0.lock().unwrap().stores += 1;
        let watch = Arc::default();
        let store = Store {
            desk: self.clone(),
            node: NodeId(number),
            watch: Arc::clone(&watch),
        };
        let election = LeaderElection::new("orders", store, ElectionConfig::default()).unwrap();
        let layer = LeaderLayer::new("orders", election.watch(), LeaderConfig::default());
        let bench = over(election, layer.unwrap());
        *watch.lock().unwrap() = Some(bench.watch.clone());
        bench
    }
}

impl Store {
    fn grant(&self, token: FencingToken) -> Grant {
        let mut lease = self.desk.0.lock().unwrap();
        let ends = lease.clock.now().after(timing().ttl());
        let grant = Grant {
            token,
            usable_until: ends.before(timing().margin()),
            ends,
        };
        lease.holder = Some((self.node, grant));
        lease.high = Some(token);
        grant
    }
}

impl LeaseStore for Store {
    const SAFETY: Safety = Safety::Fenced;

    fn timing(&self) -> Timing {
        timing()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.desk.0.lock().unwrap().clock)
    }

    async fn acquire(&mut self, floor: Option<FencingToken>) -> Result<Grant, AcquireError> {
        let token = {
            let lease = self.desk.0.lock().unwrap();
            let now = lease.clock.now();
            if let Some((node, grant)) = lease.holder.filter(|(_, grant)| now < grant.ends) {
                return Err(AcquireError::Taken {
                    leader: Some(node),
                    retry: grant.ends.since(now),
                });
            }
            let high = lease.high.max(floor);
            high.map_or(FencingToken::FIRST, |high| high.next().unwrap())
        };
        Ok(self.grant(token))
    }

    async fn renew(&mut self) -> Result<Grant, RenewError> {
        let token = {
            let lease = self.desk.0.lock().unwrap();
            if lease.is_down {
                return Err(RenewError::Unknown { source: None });
            }
            match lease.holder {
                Some((node, grant)) if node == self.node => grant.token,
                _ => return Err(RenewError::Lost),
            }
        };
        Ok(self.grant(token))
    }

    async fn release(&mut self) {
        let running = self.watch.lock().unwrap().as_ref().map(Watch::alive);
        let mut lease = self.desk.0.lock().unwrap();
        if lease.holder.is_some_and(|(node, _)| node == self.node) {
            lease.holder = None;
            lease
                .released
                .push(running.map_or(0, |alive| alive.futures()));
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.desk.0.lock().unwrap().stores -= 1;
    }
}

#[tokio::test(start_paused = true)]
async fn the_one_that_is_elected_serves_and_the_other_names_it() {
    let desk = Desk::new();
    let (one, two) = (desk.node(1), desk.node(2));
    assert_eq!(said(one.call().await), REFUSED);
    let first = one.seat.campaign().await.unwrap();
    one.call().await.unwrap();
    assert_eq!(one.seen.lock().unwrap()[0].token, Some(token(1)));
    {
        let mut campaign = pin!(two.seat.campaign());
        assert!(futures::poll!(campaign.as_mut()).is_pending());
        sleep(5000 * MS).await; // it was renewed meanwhile
        one.call().await.unwrap();
        let expected = (Kind::NotLeader, Executed::No, Some(NodeId(1)));
        assert_eq!(said(two.call().await), expected);
    }
    drop(first);
    assert_eq!(said(one.call().await), REFUSED, "at once");
    let second = two.seat.campaign().await.unwrap();
    two.call().await.unwrap();
    assert_eq!(two.seen.lock().unwrap()[0].token, Some(second.token()));
    assert!(second.token() > token(1));
}

#[tokio::test(start_paused = true)]
async fn who_resigns_ends_its_calls_first_and_gives_the_lease_back_when_they_are_gone() {
    let desk = Desk::new();
    let node = desk.node(1);
    let guard = node.seat.campaign().await.unwrap();
    node.watch.otherwise(Act::hang());
    let calls = [node.call(), node.call()].map(|call| tokio::spawn(call));
    sleep(100 * MS).await;
    assert_eq!(node.watch.alive().running(), 2);
    let start = Instant::now();
    assert_eq!(guard.resign(500 * MS).await, Resigned::Free);
    assert!(start.elapsed() < 5 * MS, "{:?}", start.elapsed());
    assert_eq!(desk.0.lock().unwrap().released, [0], "no call was left");
    for call in calls {
        assert_eq!(said(call.await.unwrap()), CUT_OFF);
    }
    node.assert_nothing_is_left();
}

/// A call that nobody polls cannot be ended: the lease stays until its time.
#[tokio::test(start_paused = true)]
async fn a_lease_is_not_given_back_beside_a_call_that_has_begun_and_is_not_polled() {
    let desk = Desk::new();
    let node = desk.node(1);
    let guard = node.seat.campaign().await.unwrap();
    node.watch.otherwise(Act::hang());
    let call = node.begin();
    assert_eq!(guard.resign(50 * MS).await, Resigned::Pending);
    assert!(desk.0.lock().unwrap().released.is_empty());
    drop(call);
    sleep(MS).await;
    assert_eq!(desk.0.lock().unwrap().released, [0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_refuses_or_is_dropped_is_no_work_any_more() {
    for act in [Act::panic(), Act::panic_in_call(), Act::fail(), Act::hang()] {
        let desk = Desk::new();
        let node = desk.node(1);
        let guard = node.seat.campaign().await.unwrap();
        node.watch.otherwise(act);
        drop(AssertUnwindSafe(node.call()).catch_unwind().now_or_never());
        let too_much = LeaderConfig::default().min_remaining(899 * MS);
        node.layer.handle().reconfigure(too_much).unwrap();
        sleep(10 * MS).await;
        assert_eq!(said(node.call().await), REFUSED);
        let resigned = guard.resign(100 * MS).await;
        assert_eq!(resigned, Resigned::Free, "{act:?}");
        assert_eq!(desk.0.lock().unwrap().released.len(), 1, "{act:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_end_in_the_margin_when_the_lease_cannot_be_renewed_and_the_next_term_serves() {
    let desk = Desk::new();
    let node = desk.node(1);
    let _guard = node.seat.campaign().await.unwrap();
    sleep(3000 * MS).await;
    desk.0.lock().unwrap().is_down = true;
    node.watch.otherwise(Act::hang());
    let answer = node.call().await;
    let (now, ends) = {
        let lease = desk.0.lock().unwrap();
        let (_, grant) = lease.holder.expect("it has not ended");
        (lease.clock.now(), grant.ends)
    };
    assert_eq!(said(answer), CUT_OFF);
    let lead = ends.since(now);
    assert!((95 * MS..=100 * MS).contains(&lead), "{lead:?}");
    desk.0.lock().unwrap().is_down = false;
    node.watch.otherwise(Act::answer());
    let guard = node.seat.campaign().await.unwrap();
    node.call().await.unwrap();
    let seen = node.seen.lock().unwrap().pop().unwrap();
    assert_eq!(seen.token, Some(guard.token()));
}

#[tokio::test(start_paused = true)]
async fn a_layer_does_not_keep_an_election_going() {
    let desk = Desk::new();
    let Bench {
        seat: election,
        layer,
        service,
        watch,
        seen,
    } = desk.node(1);
    let guard = election.campaign().await.unwrap();
    drop((election, guard));
    sleep(MS).await;
    assert_eq!(desk.0.lock().unwrap().stores, 0, "it has ended");
    let orphan = Bench {
        seat: (),
        layer,
        service,
        watch,
        seen,
    };
    assert_eq!(said(orphan.call().await), REFUSED);
}
