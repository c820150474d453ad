//! How much there is of all that could leak.

use std::fs;
use std::io;
use std::time::Duration;

use mainstay::breaker::{BreakerHandle, State};
use mainstay::bulkhead::BulkheadHandle;
use mainstay::idempotency::{IdempotencyHandle, MemoryStore};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tower::BoxError;

use super::tally::Tally;
use super::{KEYS_MAX, PROBES_MAX, RETENTION};

/// By how much more than in the warm-up there may be of tasks and of descriptors, and of memory in KiB.
/// The first two go with how many connections a storm breaks.
const TASKS: u64 = 200;
const FDS: u64 = 200;
const RSS_KIB: u64 = 16 << 10;
/// How many looks there are in a second.
const LOOKS: u64 = 20;
/// How often keys are counted, in looks: to count them is to sweep the store, which has to keep clean
/// by itself.
const SWEEP: u64 = 5 * LOOKS;

/// Where to look.
pub(crate) struct Sources {
    pub(crate) client: BulkheadHandle,
    pub(crate) circuit: BreakerHandle,
    pub(crate) server: BulkheadHandle,
    pub(crate) keys: IdempotencyHandle<MemoryStore>,
    pub(crate) store: MemoryStore,
}

/// What a process has.
#[derive(Clone, Copy, Debug, Default)]
struct Process {
    tasks: u64,
    fds: u64,
    rss_kib: u64,
    /// How much of it the store of keys says that it holds, where that was asked.
    stored_kib: u64,
}

impl Process {
    fn now() -> io::Result<Self> {
        let tasks = Handle::current().metrics().num_alive_tasks();
        let fds = fs::read_dir("/proc/self/fd")?.count();
        // The pages of `statm` in KiB, so that nobody has to know how large a page is.
        let status = fs::read_to_string("/proc/self/status")?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|rest| rest.trim().split(' ').next()?.parse().ok());
        Ok(Self {
            tasks: tasks.try_into().unwrap_or(u64::MAX),
            fds: fds.try_into().unwrap_or(u64::MAX),
            rss_kib: resident.ok_or_else(|| io::Error::other("no VmRSS"))?,
            stored_kib: 0,
        })
    }

    fn max(self, other: Self) -> Self {
        Self {
            tasks: self.tasks.max(other.tasks),
            fds: self.fds.max(other.fds),
            rss_kib: self.rss_kib.max(other.rss_kib),
            stored_kib: self.stored_kib.max(other.stored_kib),
        }
    }

    fn beyond(self, other: Self) -> Self {
        Self {
            tasks: self.tasks.saturating_sub(other.tasks),
            fds: self.fds.saturating_sub(other.fds),
            rss_kib: self.rss_kib.saturating_sub(other.rss_kib),
            stored_kib: self.stored_kib.saturating_sub(other.stored_kib),
        }
    }
}

pub(crate) struct Census {
    began: Instant,
    warm: Duration,
    before: Process,
    /// The most of each in the warm-up, and after it.
    warm_up: Process,
    load: Process,
    probes_max: u64,
    keys_max: u64,
    trips: u64,
    was_closed: bool,
    looks: u64,
    requests: u64,
    faults: u64,
    /// How many there were when they were last counted.
    keys: u64,
    left: Growth,
}

/// What is left at the end, and what became more under load.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Growth {
    left: Process,
    load: Process,
    permits: u64,
    probes: u64,
    executions: u64,
    keys: u64,
    probes_max: u64,
    keys_max: u64,
}

impl Census {
    /// The warm-up is a quarter of the time, and no less than it takes to fill the store of keys.
    pub(crate) fn before(time: Duration) -> io::Result<Self> {
        let warm = (time / 4).max(RETENTION + Duration::from_secs(1));
        Ok(Self {
            began: Instant::now(),
            warm,
            before: Process::now()?,
            warm_up: Process::default(),
            load: Process::default(),
            probes_max: 0,
            keys_max: 0,
            trips: 0,
            was_closed: true,
            looks: 0,
            requests: 0,
            faults: 0,
            keys: 0,
            left: Growth::default(),
        })
    }

    fn is_warm(&self) -> bool {
        self.began.elapsed() >= self.warm
    }

    /// Under load. Once a second it says what it sees.
    pub(crate) fn look(&mut self, sources: &Sources, tally: &Tally) -> io::Result<()> {
        let now = Process::now()?;
        if self.is_warm() {
            self.load = self.load.max(now);
        } else {
            self.warm_up = self.warm_up.max(now);
        }
        let circuit = sources.circuit.snapshot();
        let probes = u64::try_from(circuit.probes_in_flight()).unwrap_or(u64::MAX);
        self.probes_max = self.probes_max.max(probes);
        let is_closed = circuit.state() == State::Closed;
        self.trips += u64::from(self.was_closed && !is_closed);
        self.was_closed = is_closed;
        if self.looks % SWEEP == SWEEP - 1 {
            let store = sources.store.snapshot();
            self.keys = u64::try_from(store.records()).unwrap_or(u64::MAX);
            self.keys_max = self.keys_max.max(self.keys);
            let stored_kib = u64::try_from(store.bytes() >> 10).unwrap_or(u64::MAX);
            if self.is_warm() {
                self.load.stored_kib = self.load.stored_kib.max(stored_kib);
            } else {
                self.warm_up.stored_kib = self.warm_up.stored_kib.max(stored_kib);
            }
        }
        if self.looks % LOOKS == 0 && self.looks > 0 {
            let (requests, faults) = (tally.requests(), tally.faults());
            println!(
                "{:4} s {:6} requests {:5} faults {} wrong | {:5} tasks {:4} fds {:6} KiB | in flight {:2} + {:2}, executing {:2}, keys {:6}, circuit {}",
                self.began.elapsed().as_secs(),
                requests - self.requests,
                faults - self.faults,
                tally.wrong_count(),
                now.tasks,
                now.fds,
                now.rss_kib,
                sources.client.in_flight(),
                sources.server.in_flight(),
                sources.keys.snapshot().executing(),
                self.keys,
                circuit.state().label(),
            );
            (self.requests, self.faults) = (requests, faults);
        }
        self.looks += 1;
        Ok(())
    }

    /// When nobody calls any more: whether nothing is left.
    pub(crate) fn after(&mut self, sources: &Sources) -> Result<bool, BoxError> {
        let permits = [&sources.client, &sources.server];
        let permits = permits.map(|room| u64::from(room.in_flight() + room.waiting()));
        let keys = sources.keys.snapshot();
        self.left = Growth {
            left: Process::now()?.beyond(self.before),
            load: self.load.beyond(self.warm_up),
            permits: permits.iter().sum(),
            probes: sources.circuit.snapshot().probes_in_flight().try_into()?,
            executions: u64::from(keys.executing() + keys.waiting()),
            keys: sources.store.snapshot().records().try_into()?,
            probes_max: self.probes_max,
            keys_max: self.keys_max,
        };
        Ok(self.left.left_faults().is_empty())
    }

    pub(crate) fn growth(&self) -> Growth {
        self.left
    }

    pub(crate) fn print(&self) {
        let line = |what, count| println!("{what:44} {count:9}");
        line("most tasks in the warm-up", self.warm_up.tasks);
        line("most tasks after it", self.load.tasks);
        line("most descriptors in the warm-up", self.warm_up.fds);
        line("most descriptors after it", self.load.fds);
        line("most KiB in the warm-up", self.warm_up.rss_kib);
        line("most KiB after it", self.load.rss_kib);
        line("most KiB of keys in the warm-up", self.warm_up.stored_kib);
        line("most KiB of keys after it", self.load.stored_kib);
        line("most keys", self.keys_max);
        line("most probes", self.probes_max);
        line("times the circuit was seen to open", self.trips);
    }
}

impl Growth {
    /// What should not be there any more.
    fn left_faults(&self) -> Vec<String> {
        let left = [
            (self.left.tasks, "tasks"),
            (self.left.fds, "descriptors"),
            (self.permits, "permits"),
            (self.probes, "probes"),
            (self.executions, "executions"),
            (self.keys, "keys"),
        ];
        let left = left.iter().filter(|(count, _)| *count > 0);
        left.map(|(count, what)| format!("{count} {what} are left"))
            .collect()
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = self.left_faults();
        // A machine with more time to spare later has more keys to keep.
        let rss_kib = RSS_KIB + self.load.stored_kib;
        let bounds = [
            (self.load.tasks, TASKS, "tasks more than in the warm-up"),
            (self.load.fds, FDS, "descriptors more than in the warm-up"),
            (self.load.rss_kib, rss_kib, "KiB more than in the warm-up"),
            (self.probes_max, u64::from(PROBES_MAX), "probes at once"),
            (self.keys_max, KEYS_MAX as u64, "keys at once"),
        ];
        let beyond = bounds.iter().filter(|(count, bound, _)| count > bound);
        faults.extend(beyond.map(|(count, bound, what)| format!("{count} {what}, over {bound}")));
        faults
    }

    /// Tasks, descriptors and what else is counted: those that are left at the end. Memory: what it
    /// grew by after the warm-up.
    pub(crate) fn json(&self) -> String {
        format!(
            r#"{{"tasks": {}, "fds": {}, "rss_kib": {}, "permits": {}, "probes": {}, "executions": {}, "keys": {}}}"#,
            self.left.tasks,
            self.left.fds,
            self.load.rss_kib,
            self.permits,
            self.probes,
            self.executions,
            self.keys,
        )
    }
}
