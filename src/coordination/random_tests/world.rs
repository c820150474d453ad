//! What a schedule is made of.

use std::cmp::Ordering;
use std::time::Duration;

use crate::coordination::rules::{Rule, Rules};
use crate::coordination::{
    Acceptor, Message, Moment, Proposer, Reply, Tenure, Timing, TimingConfig, TokenRecord,
};
use crate::rng::Rng;

pub(super) const TTL: Duration = Duration::from_secs(1);
const SECOND: u64 = 1_000_000_000;
pub(super) const END: u64 = 12 * SECOND;

/// What is made wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Broken {
    Nothing,
    VolatileHigh,
    NoQuarantine,
    NoDriftMargin,
    ClockStops,
    Core(&'static [Rule]),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) seed: u64,
    pub(super) broken: Broken,
    pub(super) acceptors: u32,
    pub(super) proposers: u32,
    pub(super) drift_ppm: u64,
    /// In hundredths.
    pub(super) dropped: u64,
    pub(super) doubled: u64,
    pub(super) delayed: u64,
    pub(super) torn: u64,
    /// Between one fault of a member and its next, in nanoseconds, about.
    pub(super) calm: u64,
}

impl Options {
    pub(super) fn drawn(seed: u64, broken: Broken) -> Self {
        let dice = Dice(Rng::seeded(seed));
        Self {
            seed,
            broken,
            acceptors: [1, 3, 3, 5][dice.index(4)],
            proposers: [2, 3][dice.index(2)],
            drift_ppm: match broken {
                Broken::NoDriftMargin => 200_000,
                _ => [0, 10_000, 50_000, 200_000][dice.index(4)],
            },
            dropped: [0, 5, 20][dice.index(3)],
            doubled: [0, 5, 30][dice.index(3)],
            delayed: [0, 2, 20][dice.index(3)],
            torn: [0, 20][dice.index(2)],
            calm: [SECOND, 3 * SECOND, 10 * SECOND][dice.index(3)],
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand")]
    pub(super) fn timing(&self) -> Timing {
        let drift = self.drift_ppm as f64 / 1e6;
        let config = TimingConfig::default().ttl(TTL).margin(TTL / 20);
        Timing::new(config.tick(Duration::from_nanos(10)).drift(drift)).unwrap()
    }

    /// What the acceptors go by.
    pub(super) fn acceptor_timing(&self) -> Timing {
        match self.broken {
            Broken::NoDriftMargin => Self {
                drift_ppm: 0,
                ..*self
            }
            .timing(),
            _ => self.timing(),
        }
    }

    pub(super) fn rules(&self) -> Rules {
        match self.broken {
            Broken::Core(rules) => Rules::without(rules),
            _ => Rules::ALL,
        }
    }
}

pub(super) struct Dice(pub(super) Rng);

impl Dice {
    /// From 0 and below `end`.
    pub(super) fn below(&self, end: u64) -> u64 {
        self.0.bits() % end.max(1)
    }

    pub(super) fn index(&self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }

    pub(super) fn percent(&self, hundredths: u64) -> bool {
        self.below(100) < hundredths
    }
}

/// A clock with an origin and a rate of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) offset: u64,
    /// Millionths of true time.
    pub(super) rate: u64,
    /// For how long it has stood still, before it did so last.
    stopped: u64,
    /// From when and until when it stood still last.
    last: (u64, u64),
}

impl Clock {
    pub(super) fn drawn(dice: &Dice, drift_ppm: u64) -> Self {
        let extreme = dice.percent(50);
        let off = if extreme {
            [0, 2 * drift_ppm][dice.index(2)]
        } else {
            dice.below(2 * drift_ppm + 1)
        };
        Self {
            offset: dice.below(100 * SECOND),
            rate: 1_000_000 - drift_ppm + off,
            stopped: 0,
            last: (0, 0),
        }
    }

    pub(super) fn at(&self, now: u64) -> Moment {
        let (from, until) = self.last;
        let stood = now.clamp(from, until) - from;
        let run = u128::from(now - stood - self.stopped) * u128::from(self.rate) / 1_000_000;
        Moment::from_origin(Duration::from_nanos(
            self.offset + u64::try_from(run).unwrap(),
        ))
    }

    pub(super) fn stop(&mut self, now: u64, length: u64) {
        let (from, until) = self.last;
        if now < until {
            self.last = (from, until.max(now + length));
        } else {
            self.stopped += until - from;
            self.last = (now, now + length);
        }
    }

    /// How long it takes to run so far, in true time.
    pub(super) fn wait(&self, wait: Duration) -> u64 {
        let nanos = wait.as_nanos() * 1_000_000 / u128::from(self.rate);
        u64::try_from(nanos).unwrap_or(END) + 2
    }
}

pub(super) struct AcceptorSlot {
    /// `None` while it is down.
    pub(super) acceptor: Option<Acceptor>,
    pub(super) disk: Option<TokenRecord>,
    pub(super) clock: Clock,
    pub(super) quiet_until: Moment,
    pub(super) life: u64,
}

pub(super) struct ProposerSlot {
    pub(super) proposer: Proposer,
    pub(super) tenure: Option<Tenure>,
    pub(super) clock: Clock,
    pub(super) paused_until: u64,
    pub(super) turn: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Happening {
    Ask {
        to: usize,
        from: usize,
        message: Message,
    },
    Answer {
        to: usize,
        reply: Reply,
    },
    Wake {
        to: usize,
        turn: u64,
    },
    Start {
        to: usize,
    },
    Resign {
        to: usize,
    },
    AcceptorFault {
        of: usize,
    },
    AcceptorBack {
        of: usize,
        life: u64,
    },
    ProposerFault {
        of: usize,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) at: u64,
    pub(super) order: u64,
    pub(super) what: Happening,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    /// The earliest is the greatest, for the heap.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}
