//! What is dropped, at whatever poll, leaves what the contract says.

use mainstay::coordination::{LeaseStore, QuorumLease, RenewError};
use mainstay::test_util::Stepper;

use super::kit::*;

/// A net whose messages take so long that a call pends often, and two nodes.
struct World {
    one: QuorumLease<Line>,
    lines: Vec<Line>,
    two: QuorumLease<Line>,
}

impl World {
    fn new() -> Self {
        let net = Net::new(3);
        let (one, lines) = net.node(1);
        let (two, _) = net.node(2);
        for (line, delay) in lines.iter().zip(1..) {
            line.delay(delay * MS);
        }
        Self { one, lines, two }
    }

    /// Nothing of what was dropped is alive.
    fn is_idle(&self) -> bool {
        self.lines.iter().all(|line| line.alive() == 0)
    }

    async fn another_takes_it(&mut self) {
        self.two.acquire(None).await.unwrap();
    }
}

/// Polls `call` so often, or until it ends. Whether it has ended.
async fn poll<F: Future>(call: F, polls: usize) -> bool {
    let mut call = Stepper::new(call);
    for _ in 0..polls {
        if call.step().is_ready() {
            return true;
        }
        call.woken().await;
    }
    false
}

#[tokio::test(start_paused = true)]
async fn a_dropped_acquire_holds_nothing_and_is_given_back() {
    for polls in 0.. {
        let mut world = World::new();
        let ended = poll(world.one.acquire(None), polls).await;
        if ended {
            assert!(polls > 5, "{polls} polls are too few to be a test");
            break;
        }
        assert!(world.is_idle(), "{polls}");
        let renewed = world.one.renew().await;
        assert!(matches!(renewed, Err(RenewError::Lost)), "{polls}");
        world.one.release().await;
        tokio::time::sleep(10 * MS).await;
        world.another_takes_it().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_acquire_may_have_been_granted_is_given_back_by_the_next() {
    for polls in 0.. {
        let mut world = World::new();
        if poll(world.one.acquire(None), polls).await {
            break;
        }
        world.one.acquire(None).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_renewal_leaves_the_grant_as_it_was() {
    for polls in 0.. {
        let mut world = World::new();
        let grant = world.one.acquire(None).await.unwrap();
        tokio::time::sleep(10 * MS).await;
        if poll(world.one.renew(), polls).await {
            assert!(polls > 5, "{polls} polls are too few to be a test");
            break;
        }
        assert!(world.is_idle(), "{polls}");
        let clock = world.one.clock();
        assert!(clock.now() < grant.usable_until);
        // It is held: nobody else has it, and this node may ask again.
        assert!(world.two.acquire(None).await.is_err(), "{polls}");
        let renewed = world.one.renew().await;
        assert!(!matches!(renewed, Err(RenewError::Lost)), "{polls}");
        world.one.release().await;
        tokio::time::sleep(10 * MS).await;
        world.another_takes_it().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_release_holds_nothing_from_its_first_poll_on() {
    for polls in 0.. {
        let mut world = World::new();
        world.one.acquire(None).await.unwrap();
        tokio::time::sleep(10 * MS).await;
        let ended = poll(world.one.release(), polls).await;
        let renewed = world.one.renew().await;
        assert_eq!(renewed.is_ok(), polls == 0, "{polls}");
        if ended {
            assert!(polls > 1, "{polls} polls are too few to be a test");
            break;
        }
        tokio::time::sleep(10 * MS).await;
        assert!(world.is_idle(), "{polls}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_leaves_nothing() {
    for polls in 0.. {
        let mut world = World::new();
        world.one.acquire(None).await.unwrap();
        tokio::time::sleep(10 * MS).await;
        let (mut two, lines) = (world.two, world.lines);
        let _ = two.acquire(None).await;
        let own: Vec<_> = lines.iter().map(Line::another).collect();
        let mut three = lease(3, &own, config());
        let freed = async {
            let release = async {
                tokio::time::sleep(20 * MS).await;
                world.one.release().await;
            };
            tokio::join!(three.freed(), release)
        };
        let ended = poll(freed, polls).await;
        assert!(own.iter().all(|line| line.alive() == 0), "{polls}");
        if ended {
            break;
        }
    }
}
