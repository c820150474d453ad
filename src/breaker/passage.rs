//! The way of most calls: in through a circuit that is closed, and out of it with a success.
//!
//! Nothing can change by such a call, so nothing is told of it. It takes no lock but its stripe's,
//! and is compiled into the services; all else is compiled apart.

use super::circuit::{Circuit, Judged};
use super::gate::{Mode, Phase};
use super::permit::{Age, Permit};
use super::ruling::Ticketed;
use super::source::{Clock, Source};
use super::window::Sample;

impl Circuit {
    /// Whether calls are admitted without asking anybody.
    #[inline]
    pub(super) fn is_passable(&self) -> bool {
        matches!(self.gate.phase().mode, Mode::Closed | Mode::Disabled)
    }

    /// Admits a call; `None` when it takes more than a look to say whether it is admitted.
    #[inline]
    pub(super) fn pass(&self, source: &impl Source) -> Option<Permit> {
        let Phase { epoch, mode, timed } = self.gate.phase();
        match mode {
            Mode::Closed | Mode::Disabled => Some(Permit {
                epoch,
                ticketed: Ticketed::Call,
                age: Age::since(timed.then(|| source.now())),
            }),
            Mode::Ramp | Mode::Open | Mode::HalfOpen | Mode::ForcedOpen => None,
        }
    }

    /// An admitted call succeeded; `None` when the circuit may change by it, and nothing was done.
    #[inline]
    pub(super) fn succeed(&self, permit: &Permit, source: &impl Source) -> Option<Judged> {
        let mut clock = Clock::new(source);
        let took = permit.age.at(|| clock.now());
        if permit.is_probe() || took.is_some_and(|took| self.dials.is_slow(took)) {
            return None;
        }
        let sample = Sample {
            failed: false,
            slow: false,
        };
        Some(self.record(permit.epoch, sample, &mut clock))
    }
}
