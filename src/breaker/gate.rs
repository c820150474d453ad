//! What every admission reads, without a lock.

use std::time::Duration;

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::{self, Instant};

use super::epoch::Epoch;
use super::state::State;

/// The circuit's state as far as admission needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) epoch: Epoch,
    pub(super) mode: Mode,
    /// Whether calls must remember when they began.
    pub(super) timed: bool,
}

/// How calls are admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Closed,
    Disabled,
    /// Closed, and some calls are refused yet.
    Ramp,
    Open,
    HalfOpen,
    ForcedOpen,
}

impl Mode {
    pub(super) const fn state(self) -> State {
        match self {
            Self::Closed | Self::Ramp => State::Closed,
            Self::Open => State::Open,
            Self::HalfOpen => State::HalfOpen,
            Self::ForcedOpen => State::ForcedOpen,
            Self::Disabled => State::Disabled,
        }
    }
}

/// The phase in one word, and the end of the open time in another. Only whoever holds the circuit's
/// lock publishes.
#[derive(Debug)]
pub(super) struct Gate {
    origin: Instant,
    word: AtomicU64,
    reopens: AtomicU64,
}

const NEVER: u64 = u64::MAX;

impl Gate {
    pub(super) fn new(origin: Instant, phase: Phase) -> Self {
        Self {
            origin,
            word: AtomicU64::new(pack(phase)),
            reopens: AtomicU64::new(NEVER),
        }
    }

    #[inline]
    pub(super) fn phase(&self) -> Phase {
        // Ordering: Acquire; pairs with the Release in publish, so that whoever sees an epoch finds
        // the windows that take it, and an open time no older than it.
        unpack(self.word.load(Ordering::Acquire))
    }

    /// When the open circuit of a phase that was just read ends, in nanoseconds since the origin;
    /// `None` is never. A newer end may come with an older phase: the call then was concurrent with
    /// the change.
    pub(super) fn reopens(&self) -> Option<u64> {
        // Ordering: Relaxed suffices, after the Acquire in phase.
        let nanos = self.reopens.load(Ordering::Relaxed);
        (nanos != NEVER).then_some(nanos)
    }

    pub(super) fn publish(&self, phase: Phase, reopens: Option<Instant>) {
        // The last end stays when the circuit is open no more: a call that was about to read it finds
        // that the time is over, and not that there is none.
        if phase.mode == Mode::Open {
            let nanos = reopens.map_or(NEVER, |at| self.nanos(at));
            // Ordering: Relaxed suffices; the Release below orders it.
            self.reopens.store(nanos, Ordering::Relaxed);
        }
        // Ordering: Release; pairs with the Acquire in phase.
        self.word.store(pack(phase), Ordering::Release);
    }

    /// So many nanoseconds after the origin; `None` is never.
    pub(super) fn instant(&self, nanos: u64) -> Option<Instant> {
        time::after(self.origin, Duration::from_nanos(nanos))
    }

    /// Nanoseconds since the origin; 584 years is the end of time.
    #[inline]
    pub(super) fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.origin);
        u64::try_from(since.as_nanos()).unwrap_or(NEVER)
    }
}

const MODE_MASK: u64 = 0b111;
const TIMED: u64 = 0b1000;
const EPOCH_SHIFT: u32 = 4;

const fn pack(phase: Phase) -> u64 {
    let timed = if phase.timed { TIMED } else { 0 };
    (phase.epoch.number() << EPOCH_SHIFT) | timed | phase.mode as u64
}

const fn unpack(word: u64) -> Phase {
    let mode = match word & MODE_MASK {
        0 => Mode::Closed,
        1 => Mode::Disabled,
        2 => Mode::Ramp,
        3 => Mode::Open,
        4 => Mode::HalfOpen,
        _ => Mode::ForcedOpen,
    };
    Phase {
        epoch: Epoch::of_number(word >> EPOCH_SHIFT),
        mode,
        timed: word & TIMED != 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_survives_its_word() {
        let last = Epoch::of_number(u64::MAX);
        for epoch in [Epoch::FIRST, Epoch::FIRST.next(), last] {
            for mode in [
                Mode::Closed,
                Mode::Ramp,
                Mode::Open,
                Mode::HalfOpen,
                Mode::ForcedOpen,
                Mode::Disabled,
            ] {
                for timed in [false, true] {
                    let phase = Phase { epoch, mode, timed };
                    assert_eq!(unpack(pack(phase)), phase);
                }
            }
        }
        assert_eq!(last.next(), Epoch::FIRST);
    }
}
