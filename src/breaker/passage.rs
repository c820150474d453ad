//! The way of most calls: in through a circuit that is closed, and out of it with a success.
//!
//! Nothing can change by such a call, so nothing is told of it. It takes no lock, and is compiled into
//! the services; all else is compiled apart.

use super::circuit::Circuit;
use super::gate::{Mode, Phase};
use super::permit::Permit;
use super::source::Source;
use super::window::Recorded;

impl Circuit {
    /// Whether calls are admitted without asking anybody.
    #[inline]
    pub(super) fn is_passable(&self) -> bool {
        matches!(self.gate.phase().mode, Mode::Closed | Mode::Disabled)
    }

    /// Admits a call; `None` when it takes more than a look to say whether it is admitted, and as what.
    #[inline]
    pub(super) fn pass(&self) -> Option<Permit> {
        let Phase { epoch, mode, timed } = self.gate.phase();
        let passes = matches!(mode, Mode::Closed | Mode::Disabled) && !timed;
        passes.then(|| Permit::new(epoch))
    }

    /// An admitted call succeeded; `false` when it takes more than a look to judge it, or a lock to record
    /// it: then nothing was done.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see its caller")]
    pub(super) fn succeed(&self, permit: &Permit, source: &impl Source) -> bool {
        let epoch = permit.epoch();
        if !permit.is_plain() {
            return false;
        }
        let now = || self.nanos(source);
        let is_recorded = match self.windows.succeed(epoch, now) {
            Some(Recorded::Counted) => true,
            Some(Recorded::NotKept) => self.gate.phase().epoch == epoch,
            Some(Recorded::Stale) | None => false,
        };
        if is_recorded && self.dials.counts_in_a_row() {
            self.consecutive.succeed(epoch);
        }
        is_recorded
    }

    /// The present, apart from what needs none.
    #[inline(never)]
    fn nanos(&self, source: &impl Source) -> u64 {
        self.gate.nanos(source.now())
    }
}
