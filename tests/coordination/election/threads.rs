//! Elections on a thread of their own, and drivers that never run.
//!
//! The clock is the test's. What waits in real time waits for something that happens, and for no time.

use std::future::pending;
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use mainstay::coordination::{
    AcquireError, Clock, ElectionConfig, FencingToken, Grant, LeaderElection, LeaseStore,
    ManualClock, RenewError, Resigned, Safety, Timing, TimingConfig,
};

use tokio::runtime::Builder;

use super::kit::{Desk, MS, stands, token};

/// 12 ms, of which the last 3 are the margin: the driver wakes each few milliseconds of real time.
fn timing() -> Timing {
    let config = TimingConfig::default().ttl(12 * MS).margin(3 * MS);
    Timing::new(config).unwrap()
}

/// Says when it is asked to renew, and then does not until it is told to.
struct Gated {
    clock: ManualClock,
    asked: mpsc::Sender<()>,
    told: Arc<Mutex<mpsc::Receiver<()>>>,
    terms: u64,
    released: mpsc::Sender<()>,
}

impl Gated {
    fn grant(&self) -> Grant {
        let ends = self.clock.now().after(timing().ttl());
        Grant {
            token: token(self.terms),
            usable_until: ends.before(timing().margin()),
            ends,
        }
    }
}

impl LeaseStore for Gated {
    const SAFETY: Safety = Safety::Advisory;

    fn timing(&self) -> Timing {
        timing()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    async fn acquire(&mut self, _floor: Option<FencingToken>) -> Result<Grant, AcquireError> {
        self.terms += 1;
        Ok(self.grant())
    }

    async fn renew(&mut self) -> Result<Grant, RenewError> {
        _ = self.asked.send(());
        // Blocks its poll, and with it the whole driver.
        _ = self.told.lock().unwrap().recv();
        Ok(self.grant())
    }

    async fn release(&mut self) {
        _ = self.released.send(());
    }
}

struct Kit {
    election: LeaderElection,
    clock: ManualClock,
    asked: mpsc::Receiver<()>,
    tell: mpsc::Sender<()>,
    released: mpsc::Receiver<()>,
}

fn own_thread() -> Kit {
    let clock = ManualClock::default();
    let (asked_by, asked) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let (released_by, released) = mpsc::channel();
    let store = Gated {
        clock: clock.clone(),
        asked: asked_by,
        told: Arc::new(Mutex::new(told)),
        terms: 0,
        released: released_by,
    };
    let config = ElectionConfig::default().own_thread();
    let election = LeaderElection::new("billing", store, config).unwrap();
    Kit {
        election,
        clock,
        asked,
        tell,
        released,
    }
}

fn elect(kit: &Kit) -> mainstay::coordination::LeaseGuard {
    futures::executor::block_on(kit.election.campaign()).unwrap()
}

#[test]
fn on_its_own_thread_a_lease_is_renewed_while_the_executor_is_blocked() {
    let kit = own_thread();
    let guard = elect(&kit);
    for _ in 0..3 {
        kit.clock.advance(5 * MS);
        // This thread does nothing else meanwhile, and there is no runtime.
        kit.asked.recv().unwrap();
        kit.tell.send(()).unwrap();
        while guard.remaining() < 9 * MS {
            std::thread::yield_now();
        }
    }
    assert!(guard.is_valid());
    drop(guard);
    kit.released.recv().unwrap();
    drop(kit.election);
    // The store goes with its thread.
    assert!(kit.asked.recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn with_a_driver_that_never_runs_what_is_guarded_ends_at_the_soft_deadline_all_the_same() {
    let kit = own_thread();
    let guard = elect(&kit);
    let watch = &mut kit.election.watch();
    kit.clock.advance(5 * MS);
    kit.asked.recv().unwrap(); // from here on it is stuck
    let work = guard.run(pending::<()>());
    let (ended, (), ()) = tokio::join!(work, guard.lost(), async {
        kit.clock.advance(Duration::from_nanos(3_999_999));
        tokio::task::yield_now().await;
        assert!(guard.is_valid());
        kit.clock.advance(Duration::from_nanos(1));
        assert!(!guard.is_valid(), "3 ms before the lease ends");
    });
    assert!(ended.is_err());
    assert_eq!(stands(watch.latest()), "elected", "nobody could say so");
    assert!(!watch.latest().term().unwrap().is_valid());
    let (resigned, ()) = tokio::join!(guard.resign(60_000 * MS), async {
        tokio::task::yield_now().await;
        kit.clock.advance(3 * MS);
    });
    assert_eq!(resigned, Resigned::Free, "it has ended");
    // A renewal that comes then is of no use.
    kit.tell.send(()).unwrap();
    kit.released.recv().unwrap();
}

#[test]
fn a_thread_that_cannot_be_started_is_an_error() {
    const CHILD: &str = "MAINSTAY_TEST_WITHOUT_THREADS";
    if std::env::var_os(CHILD).is_none() {
        // No thread has so large a stack, so in that process none can be started.
        let test = "election::threads::a_thread_that_cannot_be_started_is_an_error";
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--test-threads=1", "--nocapture"])
            .env(CHILD, "yes")
            .env("RUST_MIN_STACK", (1u64 << 50).to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(
            child.status.success() && said.contains("1 passed"),
            "{child:?}"
        );
        return;
    }
    assert!(std::thread::Builder::new().spawn(|| ()).is_err());
    let desk = Desk::new();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let made = runtime.block_on(async {
        let store = desk.store(1, ManualClock::default());
        let config = ElectionConfig::default().own_thread();
        LeaderElection::new("billing", store, config)
    });
    assert_eq!(made.unwrap_err().field(), "own_thread");
    assert_eq!(desk.state().stores, 0);
}
