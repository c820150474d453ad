//! What goes wrong in a run, how often and for how long.

use std::time::Duration;

use crate::Ratio;
use crate::rng::Rng;

use super::dice::Dice;

/// Everything that decides how a run goes, but for the cluster. Its `Debug` shows all of it.
///
/// Faults begin in the first part of a run, for [`length`](Self::length), and end in it; then comes the
/// [`calm`](Self::calm).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Options {
    pub(super) seed: u64,
    pub(super) length: Duration,
    pub(super) calm: Duration,
    pub(super) delay_min: Duration,
    pub(super) delay_max: Duration,
    pub(super) dropped: Ratio,
    pub(super) doubled: Ratio,
    pub(super) late: Ratio,
    pub(super) late_max: Duration,
    pub(super) cut_every: Duration,
    pub(super) cut_max: Duration,
    pub(super) crash_every: Duration,
    pub(super) down_max: Duration,
    pub(super) crash_all: Ratio,
    pub(super) torn: Ratio,
    pub(super) lost: Ratio,
    pub(super) pause_every: Duration,
    pub(super) pause_max: Duration,
    pub(super) suspended: Ratio,
    pub(super) busy: Ratio,
    pub(super) busy_max: Duration,
    pub(super) write_max: Duration,
    pub(super) drift: Ratio,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $field:ident: $type:ty;)*) => {
        impl Options {
            $($(#[$doc])* pub const fn $field(mut self, $field: $type) -> Self {
                self.$field = $field;
                self
            })*
        }
    };
}

setters! {
    /// How long faults come, in true time. Default 10 s.
    length: Duration;
    /// How long the run goes on after the last fault, for what must then come to pass. Default none.
    calm: Duration;
    /// The share of messages that never arrive.
    dropped: Ratio;
    /// The share of messages that arrive twice.
    doubled: Ratio;
    /// The share of messages that arrive late, by up to [`late_max`](Self::late_max).
    late: Ratio;
    /// How late. Default 3 s.
    late_max: Duration;
    /// How long it takes, about, from one cut of the network to the next; `Duration::MAX` is never. A cut is
    /// between two nodes, around one, or through the middle; in both directions or in one.
    cut_every: Duration;
    /// How long a cut lasts at most. Default 3 s.
    cut_max: Duration;
    /// How long it takes, about, from one crash of a node to its next; `Duration::MAX` is never.
    crash_every: Duration;
    /// How long a node is down at most. Default 500 ms.
    down_max: Duration;
    /// The share of crashes that take every node.
    crash_all: Ratio;
    /// The share of writes in which the node crashes: one half of them are durable.
    torn: Ratio;
    /// The share of lives that begin with the disk lost.
    lost: Ratio;
    /// How long it takes, about, from one pause of a node to its next; `Duration::MAX` is never. It does
    /// nothing meanwhile; what has come for it is handled in one go after.
    pause_every: Duration;
    /// How long a pause lasts at most. Default 2 s.
    pause_max: Duration;
    /// The share of pauses in which the node's clock stands still, as one that does not count the time that a
    /// machine is suspended.
    suspended: Ratio;
    /// The share of inputs after which the node is busy, and handles what comes next late.
    busy: Ratio;
    /// How long it is busy at most. Default 50 ms.
    busy_max: Duration;
    /// How long a write takes at most. Default nothing.
    write_max: Duration;
    /// By how much the rate of a node's clock differs from true time at most. It is drawn for each life,
    /// and changes at some of the pauses. Half of the rates are the extremes.
    drift: Ratio;
}

impl Options {
    /// No faults, and all clocks at the rate of true time. Messages take 0.1 ms to 5 ms.
    pub const fn calm_sea(seed: u64) -> Self {
        Self {
            seed,
            length: Duration::from_secs(10),
            calm: Duration::ZERO,
            delay_min: Duration::from_micros(100),
            delay_max: Duration::from_millis(5),
            dropped: Ratio::ZERO,
            doubled: Ratio::ZERO,
            late: Ratio::ZERO,
            late_max: Duration::from_secs(3),
            cut_every: Duration::MAX,
            cut_max: Duration::from_secs(3),
            crash_every: Duration::MAX,
            down_max: Duration::from_millis(500),
            crash_all: Ratio::ZERO,
            torn: Ratio::ZERO,
            lost: Ratio::ZERO,
            pause_every: Duration::MAX,
            pause_max: Duration::from_secs(2),
            suspended: Ratio::ZERO,
            busy: Ratio::ZERO,
            busy_max: Duration::from_millis(50),
            write_max: Duration::ZERO,
            drift: Ratio::ZERO,
        }
    }

    /// Faults drawn from the seed, each kind often, now and then, or not at all: what is only found where
    /// something else does not happen is found too. Times suit something that decides by time-outs
    /// of about 1 s.
    ///
    /// Never with a lost disk, a suspended clock or clocks of different rates: whether these may be
    /// at all depends on what is tested.
    pub fn drawn(seed: u64) -> Self {
        let dice = Dice(Rng::seeded(seed ^ 0x0071_0e5c_a1a2_d1ce));
        let never = Duration::MAX;
        let every = |seconds: [u64; 3]| {
            let seconds = dice.one_of([seconds[0], seconds[1], seconds[2], 0], 0);
            if seconds == 0 {
                never
            } else {
                Duration::from_secs(seconds)
            }
        };
        let share = |percents| Ratio::hundredths(dice.one_of(percents, 0));
        Self {
            dropped: share([0, 0, 5, 20]),
            doubled: share([0, 0, 5, 30]),
            late: share([0, 0, 2, 20]),
            cut_every: every([1, 3, 0]),
            crash_every: every([1, 3, 10]),
            crash_all: share([0, 0, 5, 20]),
            torn: share([0, 0, 5, 20]),
            pause_every: every([1, 3, 10]),
            busy: share([0, 0, 2, 10]),
            write_max: dice.one_of([Duration::ZERO, Duration::from_millis(20)], Duration::ZERO),
            ..Self::calm_sea(seed)
        }
    }

    /// How long a message takes that is not late, from the shortest to the longest. Default 0.1 ms to 5 ms.
    pub const fn delay(mut self, min: Duration, max: Duration) -> Self {
        self.delay_min = min;
        self.delay_max = max;
        self
    }

    /// When the last fault has ended, in true time since the begin of the run.
    pub const fn faults_end(&self) -> Duration {
        self.length
    }

    /// What all draws depend on.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The same with other draws.
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

/// A kind of fault, and how to be without it.
type Kind = (&'static str, fn(&mut Options));

/// Those that others need come after them.
pub(super) const KINDS: &[Kind] = &[
    ("lost", |options| options.lost = Ratio::ZERO),
    ("torn", |options| options.torn = Ratio::ZERO),
    ("crash_all", |options| options.crash_all = Ratio::ZERO),
    ("crash_every", |options| options.crash_every = Duration::MAX),
    ("suspended", |options| options.suspended = Ratio::ZERO),
    ("pause_every", |options| options.pause_every = Duration::MAX),
    ("busy", |options| options.busy = Ratio::ZERO),
    ("write_max", |options| options.write_max = Duration::ZERO),
    ("cut_every", |options| options.cut_every = Duration::MAX),
    ("late", |options| options.late = Ratio::ZERO),
    ("doubled", |options| options.doubled = Ratio::ZERO),
    ("dropped", |options| options.dropped = Ratio::ZERO),
    ("drift", |options| options.drift = Ratio::ZERO),
];

impl Options {
    pub(super) fn without(&self, kind: Kind) -> Self {
        let mut options = self.clone();
        (kind.1)(&mut options);
        options
    }

    /// The kinds of fault that there are.
    pub(super) fn faults(&self) -> Vec<&'static str> {
        let is_on = |kind: &&Kind| self.without(**kind) != *self;
        KINDS.iter().filter(is_on).map(|kind| kind.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_fault_is_drawn_and_left_out_and_no_seed_is_the_same_as_all() {
        let drawn: Vec<_> = (0..100).map(Options::drawn).collect();
        for kind in KINDS {
            let with = drawn
                .iter()
                .filter(|options| options.faults().contains(&kind.0));
            let count = with.count();
            let is_left_to_the_user = ["lost", "suspended", "drift"].contains(&kind.0);
            assert!(
                (is_left_to_the_user && count == 0) || (20..=90).contains(&count),
                "{}: {count}",
                kind.0
            );
        }
        assert_eq!(Options::drawn(7), Options::drawn(7));
        assert!(Options::calm_sea(7).faults().is_empty());
    }
}
