//! What a seed decides besides the faults.

use std::time::Duration;

use crate::Ratio;
use crate::coordination::rules::{Rule, Rules};
use crate::coordination::{Timing, TimingConfig};
use crate::rng::Rng;
use crate::test_util::simulator::Options;

pub(super) const TTL: Duration = Duration::from_secs(1);

/// What is made wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Nothing,
    VolatileHigh,
    /// And any token is taken.
    VolatileUnguarded,
    NoQuarantine,
    /// An acceptor whose disk was lost comes back as if it had never been.
    Rejoins,
    NoDriftMargin,
    ClockStops,
    /// A proposer says a shorter ttl than it goes by, as if acceptors took any.
    AnyTtl,
    /// The gate compares nothing.
    NoGate,
    /// The gate compares, and a seal does not wait for those inside.
    NoDrain,
    Core(&'static [Rule]),
}

/// What an election is like.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are drawn one by one")]
pub(super) struct Settings {
    pub(super) broken: Broken,
    pub(super) acceptors: usize,
    pub(super) proposers: usize,
    pub(super) drift: Ratio,
    /// Not all have the same ttl.
    pub(super) mixed: bool,
    /// Who was refused asks again at once, most of the time.
    pub(super) duels: bool,
    pub(super) departs: Departs,
    /// Who is told that the lease is free asks for it at once.
    pub(super) seizes: bool,
    /// Leaders write to a resource behind a gate.
    pub(super) has_gate: bool,
}

/// What a leader does of itself after a while.
#[derive(Clone, Copy, Debug)]
pub(super) enum Departs {
    Never,
    /// Resigns, at the latest after so long.
    Resigning(Duration),
    /// Resigns after one to three ttl.
    Leaving,
    /// Crashes after one to three ttl.
    Crashing,
}

struct Draw(Rng);

impl Draw {
    fn one<T: Copy>(&self, all: &[T]) -> T {
        let index = self.0.bits() % u64::try_from(all.len()).unwrap();
        all[usize::try_from(index).unwrap()]
    }
}

pub(super) const fn percent(percent: u8) -> Ratio {
    Ratio::hundredths(percent)
}

impl Settings {
    pub(super) fn drawn(seed: u64, broken: Broken) -> Self {
        let draw = Draw(Rng::seeded(seed ^ 0x5e77_1965));
        Self {
            broken,
            acceptors: draw.one(&[1, 3, 3, 5]),
            proposers: draw.one(&[2, 3]),
            drift: match broken {
                Broken::NoDriftMargin => percent(20),
                _ => percent(draw.one(&[0, 1, 5, 20])),
            },
            mixed: draw.one(&[true, false, false, false]) || broken == Broken::AnyTtl,
            duels: draw.one(&[true, false, false, false, false]),
            departs: draw.one(&[
                Departs::Never,
                Departs::Resigning(10 * TTL),
                Departs::Resigning(2 * TTL),
                Departs::Resigning(TTL / 4),
            ]),
            seizes: draw.one(&[true, false]),
            has_gate: draw.one(&[true, false, false])
                || matches!(broken, Broken::NoGate | Broken::NoDrain),
        }
    }

    /// The faults that go with them.
    pub(super) fn options(seed: u64, broken: Broken) -> Options {
        let settings = Self::drawn(seed, broken);
        let draw = Draw(Rng::seeded(seed ^ 0x0b57_ac1e));
        let suspended = if broken == Broken::ClockStops { 50 } else { 0 };
        Options::drawn(seed)
            .length(10 * TTL)
            .calm(settings.patience())
            .lost(percent(draw.one(&[0, 0, 0, 2])))
            .suspended(percent(suspended))
            .drift(settings.drift)
    }

    /// After how much calm there is a leader, in true time: what the acceptors hold and what those
    /// that restarted wait, with some attempts that met others.
    pub(super) fn patience(&self) -> Duration {
        let longest = self.timing(self.ttl_max());
        let wait = longest.held() + longest.quarantine() + 2 * TTL;
        wait.div_f64(1.0 - self.drift.as_f64())
    }

    pub(super) fn timing(&self, ttl: Duration) -> Timing {
        let config = TimingConfig::default().ttl(ttl).margin(TTL / 20);
        let config = config.tick(Duration::from_nanos(10));
        Timing::new(config.drift(self.drift.as_f64())).unwrap()
    }

    /// What the acceptor goes by.
    pub(super) fn acceptor_timing(&self, acceptor: usize) -> Timing {
        let ttl = self.acceptor_ttl(acceptor);
        match self.broken {
            Broken::NoDriftMargin => Self {
                drift: Ratio::ZERO,
                ..*self
            }
            .timing(ttl),
            _ => self.timing(ttl),
        }
    }

    pub(super) fn acceptor_ttl(&self, acceptor: usize) -> Duration {
        let is_longer = self.mixed && acceptor == 0 && self.acceptors > 1;
        TTL * (1 + u32::from(is_longer))
    }

    /// The first has the one that all acceptors allow.
    pub(super) fn proposer_ttl(&self, proposer: usize) -> Duration {
        match proposer {
            1 if self.mixed => 2 * TTL,
            2 if self.mixed => TTL / 2,
            _ => TTL,
        }
    }

    fn ttl_max(&self) -> Duration {
        let acceptors = (0..self.acceptors).map(|acceptor| self.acceptor_ttl(acceptor));
        acceptors.max().unwrap_or(TTL)
    }

    pub(super) fn rules(&self) -> Rules {
        match self.broken {
            Broken::Core(rules) => Rules::without(rules),
            Broken::VolatileUnguarded => Rules::without(&[Rule::Guard]),
            _ => Rules::ALL,
        }
    }
}
