//! A share of the calls in flight.

use crate::classify::{Failure, Outcome};
use crate::error::ConfigError;
use crate::ratio::Ratio;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::Instant;

use super::{Budget, Receipt};

/// Pays for as many extra attempts at once as are a share of the calls in flight, or for a few.
///
/// An extra attempt counts from the moment it is paid for, its wait included, until it ends. This is
/// the retry budget of Envoy and of failsafe-go. It needs no clock, and it follows the load at once;
/// but calls that fail quickly are few in flight, and then it pays for little more than the minimum.
#[derive(Debug)]
pub struct ConcurrencyBudget {
    flight: Flight,
    config: ConcurrencyConfig,
}

/// The settings of a [`ConcurrencyBudget`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct ConcurrencyConfig {
    ratio: Ratio,
    minimum: u32,
}

impl Default for ConcurrencyConfig {
    fn default() -> Self {
        Self {
            ratio: Ratio::hundredths(20),
            minimum: 3,
        }
    }
}

impl ConcurrencyConfig {
    /// The share of the calls in flight. Default 20 %.
    pub const fn ratio(mut self, ratio: Ratio) -> Self {
        self.ratio = ratio;
        self
    }

    /// How many extra attempts may be made at once in any case. Default 3.
    pub const fn minimum(mut self, minimum: u32) -> Self {
        self.minimum = minimum;
        self
    }
}

/// The calls in flight and the extra attempts among them, in one word, so that one is always judged
/// by the other of the same moment.
///
/// # Invariants
/// - F1: an extra attempt begins only while those in flight are fewer than its bound of the calls in
///   flight at that moment.
// Ordering: Relaxed suffices throughout: each step is one read-modify-write of the only word there
// is, and it guards nothing but itself.
#[derive(Debug, Default)]
struct Flight(AtomicU64);

const CALL: u64 = 1 << 32;
const EXTRA: u64 = 1;

impl Flight {
    fn of(word: u64) -> (u64, u64) {
        (word >> 32, word & (CALL - 1))
    }

    fn get(&self) -> (u64, u64) {
        Self::of(self.0.load(Ordering::Relaxed))
    }

    fn enter(&self) {
        self.0.fetch_add(CALL, Ordering::Relaxed);
    }

    fn leave(&self) {
        self.0.fetch_sub(CALL, Ordering::Relaxed);
    }

    /// Begins an extra attempt if there are fewer than `bound` gives for the calls in flight.
    #[must_use]
    fn begin(&self, bound: impl Fn(u64) -> u64) -> bool {
        let next = |word| {
            let (calls, extras) = Self::of(word);
            (extras < bound(calls).min(CALL - 1)).then(|| word.saturating_add(EXTRA))
        };
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .is_ok()
    }

    fn end(&self) {
        self.0.fetch_sub(EXTRA, Ordering::Relaxed);
    }
}

impl ConcurrencyBudget {
    /// A budget with these settings.
    ///
    /// # Errors
    /// When `ratio` and `minimum` are both zero: it would never pay.
    pub fn new(config: ConcurrencyConfig) -> Result<Self, ConfigError> {
        if config.minimum == 0 && config.ratio == Ratio::ZERO {
            return Err(ConfigError::new(
                "minimum",
                0,
                "at least 1 when `ratio` is 0",
            ));
        }
        Ok(Self::empty(config))
    }

    fn empty(config: ConcurrencyConfig) -> Self {
        Self {
            flight: Flight::default(),
            config,
        }
    }

    /// The calls in flight.
    pub fn calls(&self) -> u64 {
        self.flight.get().0
    }

    /// The extra attempts that are paid for and have not ended.
    pub fn extras(&self) -> u64 {
        self.flight.get().1
    }
}

impl Default for ConcurrencyBudget {
    fn default() -> Self {
        Self::empty(ConcurrencyConfig::default())
    }
}

impl Budget for ConcurrencyBudget {
    fn enter(&self) {
        self.flight.enter();
    }

    fn withdraw(&self, _now: Instant, _failure: Option<Failure>) -> Option<Receipt> {
        let config = &self.config;
        let bound = |calls| config.ratio.of(calls).max(config.minimum.into());
        self.flight.begin(bound).then(|| Receipt::new(0))
    }

    fn refund(&self, _receipt: Receipt) {
        self.flight.end();
    }

    fn settle(&self, paid: Option<Receipt>, _outcome: Outcome) {
        if paid.is_some() {
            self.flight.end();
        }
    }

    fn leave(&self) {
        self.flight.leave();
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;
    use crate::time;

    fn withdraw(budget: &ConcurrencyBudget) -> bool {
        budget.withdraw(time::now(), None).is_some()
    }

    #[test]
    fn a_fifth_of_the_calls_in_flight_or_three_f1() {
        for (calls, bound) in [(0, 3), (15, 3), (19, 3), (20, 4), (1000, 200)] {
            let budget = ConcurrencyBudget::default();
            (0..calls).for_each(|_| budget.enter());
            let paid = (0..2000).filter(|_| withdraw(&budget)).count();
            assert_eq!(paid, bound, "{calls} calls");
            assert_eq!((budget.calls(), budget.extras()), (calls, bound as u64));
        }
    }

    #[test]
    fn an_extra_attempt_that_ends_or_is_not_sent_makes_room_and_a_call_that_ends_takes_it() {
        let budget = ConcurrencyBudget::default();
        (0..20).for_each(|_| budget.enter());
        while withdraw(&budget) {}
        budget.settle(None, Outcome::Success);
        assert!(!withdraw(&budget), "a first attempt takes no room");
        budget.settle(Some(Receipt::new(0)), Outcome::Ignored);
        assert!(withdraw(&budget) && !withdraw(&budget));
        budget.refund(Receipt::new(0));
        budget.leave();
        assert!(!withdraw(&budget), "three for nineteen calls");
    }

    #[test]
    fn a_budget_that_never_pays_is_refused_by_name_and_the_largest_is_not() {
        let none = ConcurrencyConfig::default().ratio(Ratio::ZERO).minimum(0);
        let said = ConcurrencyBudget::new(none).unwrap_err();
        assert_eq!(said.field(), "minimum");
        let most = ConcurrencyConfig::default().ratio(Ratio::ONE);
        assert!(withdraw(
            &ConcurrencyBudget::new(most.minimum(u32::MAX)).unwrap()
        ));
    }
}
