//! The right of one call to run and to be counted.

use std::time::Duration;

use crate::classify::{Failure, Outcome};
use crate::sync::Held;
use crate::telemetry::{End, Metered};

use super::epoch::Epoch;
use super::probation::Ticket;
use super::ruling::Ticketed;
use super::shared::Shared;

/// What a call was admitted as. The circuit takes it back once.
///
/// Two whole words: it is handed from layer to layer with each call, and a copy that leaves no gaps
/// goes by registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permit {
    /// The epoch, a ticket, and what holds of the call.
    word: u64,
    /// When the call began, or how long it took, in nanoseconds.
    age: u64,
}

const PROBE: u64 = 1;
/// The age is the time at which the call began.
const BEGAN: u64 = 1 << 1;
/// The age is what the call took: it was answered, and has not been settled.
const TOOK: u64 = 1 << 2;
const FLAGS: u64 = PROBE | BEGAN | TOOK;
const TICKET_SHIFT: u32 = 8;
const EPOCH_SHIFT: u32 = 64 - Epoch::BITS;

impl Permit {
    #[inline]
    pub(super) const fn new(epoch: Epoch) -> Self {
        Self {
            word: epoch.number() << EPOCH_SHIFT,
            age: 0,
        }
    }

    pub(super) fn ticketed(mut self, ticketed: Ticketed) -> Self {
        if let Ticketed::Probe(Ticket(place)) = ticketed {
            self.word |= PROBE | (u64::from(place) << TICKET_SHIFT);
        }
        self
    }

    /// Remembers when the call began, in nanoseconds since the origin.
    pub(super) const fn began(mut self, at: u64) -> Self {
        self.word |= BEGAN;
        self.age = at;
        self
    }

    #[inline]
    pub(super) const fn epoch(&self) -> Epoch {
        Epoch::of_number(self.word >> EPOCH_SHIFT)
    }

    /// Whether it is no probe, and its age does not matter.
    #[inline]
    pub(super) const fn is_plain(&self) -> bool {
        self.word & FLAGS == 0
    }

    pub(super) const fn is_probe(&self) -> bool {
        self.word & PROBE != 0
    }

    pub(super) fn ticket(&self) -> Option<Ticket> {
        let [_, place, ..] = self.word.to_le_bytes();
        self.is_probe().then_some(Ticket(place))
    }

    /// How long the call has run at `now`, which is read where that matters; `None` is unknown.
    pub(super) fn age(&self, now: impl FnOnce() -> u64) -> Option<Duration> {
        if self.word & TOOK != 0 {
            return Some(Duration::from_nanos(self.age));
        }
        (self.word & BEGAN != 0).then(|| Duration::from_nanos(now().saturating_sub(self.age)))
    }

    /// What its age is at `now`, it is for good.
    fn stop(&mut self, now: impl FnOnce() -> u64) {
        if self.word & BEGAN != 0 {
            self.age = now().saturating_sub(self.age);
            self.word = (self.word & !BEGAN) | TOOK;
        }
    }
}

/// The inner service is called for an admitted call: should it panic, the call is counted, and has
/// failed.
///
/// It borrows, and has a copy of the permit: so what goes on with the call has not been in memory, where
/// an unwinding thread would have to find it.
#[derive(Debug)]
pub(super) struct Calling<'a> {
    shared: &'a Shared,
    permit: Permit,
}

impl<'a> Calling<'a> {
    #[inline]
    pub(super) const fn new(shared: &'a Shared, permit: Permit) -> Self {
        Self { shared, permit }
    }

    /// The inner service was called, and gave its future.
    #[inline]
    pub(super) fn done(self) {
        std::mem::forget(self);
    }
}

impl Drop for Calling<'_> {
    #[cold]
    fn drop(&mut self) {
        self.shared.calls().count(End::Cancelled);
        let failure = Failure::transient();
        self.shared.settle(&self.permit, Some(failure));
    }
}

/// An admitted call. However it ends, it is counted and its permit given back once.
///
/// It is in the future before that is polled, so that a call which is never polled, or which unwinds,
/// gives its permit back too.
#[derive(Debug)]
pub(super) struct Admitted {
    shared: Held<Shared>,
    permit: Permit,
    stage: Stage,
}

/// How far an admitted call has come. That the inner service is running is found by the drop only when it
/// panicked: `std::thread::panicking` could not tell whose panic it is.
///
/// A whole word, for the same reason as the permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
enum Stage {
    /// It was not answered yet, and the inner service is not running at this moment.
    Waiting,
    /// The inner service is running.
    Running,
    /// It was answered and counted. What is left to be settled is not running at this moment.
    Answered,
    /// It was answered and counted, and what is left is running.
    Reading,
    /// Nothing is left to do.
    Settled,
}

impl Admitted {
    #[inline]
    pub(super) const fn new(shared: Held<Shared>, permit: Permit) -> Self {
        Self {
            shared,
            permit,
            stage: Stage::Waiting,
        }
    }

    /// Runs the inner service for a moment.
    #[inline]
    pub(super) fn run<T>(&mut self, inner: impl FnOnce() -> T) -> T {
        self.stage = Stage::Running;
        let out = inner();
        self.stage = Stage::Waiting;
        out
    }

    /// Runs what is left of an answered call for a moment.
    pub(super) fn run_rest<T>(&mut self, inner: impl FnOnce() -> T) -> T {
        self.stage = Stage::Reading;
        let out = inner();
        self.stage = Stage::Answered;
        out
    }

    /// The inner service answered, and the caller gets the answer.
    #[inline]
    pub(super) fn answered<R, E>(&mut self, result: &Result<R, E>) {
        self.stage = Stage::Answered;
        self.shared.calls().count(End::of(result));
    }

    /// There is more to come before the answered call is settled.
    pub(super) fn took(&mut self) {
        let shared = &self.shared;
        self.permit.stop(|| shared.nanos());
    }

    /// The answered call has ended with `outcome`.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "it is the end of every call, and little is left of it where it is compiled in"
    )]
    pub(super) fn settle(&mut self, outcome: Outcome) {
        self.stage = Stage::Settled;
        if outcome != Outcome::Success || !self.shared.succeed(&self.permit) {
            self.settle_otherwise(outcome);
        }
    }

    #[cold]
    #[inline(never)]
    fn settle_otherwise(&self, outcome: Outcome) {
        match outcome {
            Outcome::Ignored => self.shared.release(&self.permit),
            Outcome::Success => self.shared.settle(&self.permit, None),
            Outcome::Failure(failure) => self.shared.settle(&self.permit, Some(failure)),
        }
    }

    /// The answered call was ended because nobody waited for it any more.
    #[cold]
    pub(super) fn given_up(&mut self) {
        self.stage = Stage::Settled;
        self.shared.cancel(&self.permit);
    }

    #[cold]
    #[inline(never)]
    fn left(&self) {
        if matches!(self.stage, Stage::Waiting | Stage::Running) {
            self.shared.calls().count(End::Cancelled);
        }
        if matches!(self.stage, Stage::Running | Stage::Reading) {
            let failure = Failure::transient();
            self.shared.settle(&self.permit, Some(failure));
        } else {
            self.shared.cancel(&self.permit);
        }
    }
}

impl Drop for Admitted {
    #[inline]
    fn drop(&mut self) {
        if self.stage != Stage::Settled {
            self.left();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_keeps_what_the_call_was_admitted_as() {
        let last = Epoch::of_number(u64::MAX);
        for epoch in [Epoch::FIRST, last] {
            let call = Permit::new(epoch).ticketed(Ticketed::Call);
            assert_eq!((call.epoch(), call.ticket()), (epoch, None));
            assert!(call.is_plain() && !call.is_probe());
            assert_eq!(call.age(|| 7), None);
            for place in [0, 1, u8::MAX] {
                let ticket = Ticket(place);
                let probe = Permit::new(epoch).ticketed(Ticketed::Probe(ticket));
                let probe = probe.began(u64::MAX);
                assert_eq!((probe.epoch(), probe.ticket()), (epoch, Some(ticket)));
                assert!(probe.is_probe() && !probe.is_plain());
            }
        }
    }

    #[test]
    fn an_age_grows_until_it_is_stopped() {
        let mut call = Permit::new(Epoch::FIRST).began(3);
        assert!(!call.is_plain());
        let age = |call: &Permit, now| call.age(|| now).map(|age| age.as_nanos());
        assert_eq!(age(&call, 5), Some(2));
        assert_eq!(age(&call, 2), Some(0), "a clock that was read earlier");
        call.stop(|| 13);
        call.stop(|| 17);
        assert_eq!(age(&call, 19), Some(10));
        assert!(!call.is_plain());
        let mut untimed = Permit::new(Epoch::FIRST);
        untimed.stop(|| 13);
        assert_eq!(age(&untimed, 19), None);
    }

    #[test]
    fn what_travels_with_a_call_has_no_gaps() {
        let words = size_of::<Held<Shared>>() + size_of::<Permit>() + size_of::<Stage>();
        assert_eq!(size_of::<Admitted>(), words);
        assert_eq!(size_of::<Option<Admitted>>(), words);
    }
}
