//! Retries only while failures stay below a share of the successes, as gRPC clients have it.

use crate::classify::{Failure, Outcome, Pushback};
use crate::error::ConfigError;
use crate::ratio::Ratio;
use crate::time::Instant;

use super::tokens::Tokens;
use super::{Budget, Receipt};

/// Pays while more than half of its tokens are left: each transient failure, of a first attempt as of
/// an extra one, takes a token; each success puts a fraction of one back.
///
/// This is the retry throttling of gRFC A6. From full, with 10 tokens, the fifth failure in a row is
/// not retried, and under lasting failures retries stop where there is more than one failure for ten
/// successes. A failure that a repeat would not cure takes nothing, unless the service forbade the
/// repeat.
#[derive(Debug)]
pub struct ThrottleBudget {
    millionths: Tokens,
    config: ThrottleConfig,
}

/// The settings of a [`ThrottleBudget`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct ThrottleConfig {
    tokens_max: u32,
    token_ratio: Ratio,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self {
            tokens_max: 10,
            token_ratio: Ratio::hundredths(10),
        }
    }
}

impl ThrottleConfig {
    /// How many tokens there are at the start and at most, in 1 ..= 1000. Default 10.
    pub const fn tokens_max(mut self, tokens_max: u32) -> Self {
        self.tokens_max = tokens_max;
        self
    }

    /// The part of a token that a success puts back, above zero. Default 0.1.
    pub const fn token_ratio(mut self, token_ratio: Ratio) -> Self {
        self.token_ratio = token_ratio;
        self
    }

    fn validate(&self) -> Result<(), ConfigError> {
        if !(1..=1000).contains(&self.tokens_max) {
            return Err(ConfigError::new(
                "tokens_max",
                self.tokens_max,
                "1 ..= 1000",
            ));
        }
        if self.token_ratio == Ratio::ZERO {
            return Err(ConfigError::new("token_ratio", 0, "above zero"));
        }
        Ok(())
    }
}

const TOKEN: u64 = 1_000_000;

impl ThrottleBudget {
    /// A full bucket with these settings.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(config: ThrottleConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self::full(config))
    }

    fn full(config: ThrottleConfig) -> Self {
        Self {
            millionths: Tokens::full(TOKEN.saturating_mul(config.tokens_max.into())),
            config,
        }
    }

    /// How many whole tokens are left.
    pub fn balance(&self) -> u64 {
        self.millionths.left().checked_div(TOKEN).unwrap_or(0)
    }

    fn pays(&self) -> bool {
        let most = TOKEN.saturating_mul(self.config.tokens_max.into());
        self.millionths.left().saturating_mul(2) > most
    }
}

impl Default for ThrottleBudget {
    fn default() -> Self {
        Self::full(ThrottleConfig::default())
    }
}

impl Budget for ThrottleBudget {
    fn enter(&self) {}

    fn withdraw(&self, _now: Instant, _failure: Option<Failure>) -> Option<Receipt> {
        self.pays().then(|| Receipt::new(0))
    }

    fn refund(&self, _receipt: Receipt) {}

    fn settle(&self, _paid: Option<Receipt>, outcome: Outcome) {
        match outcome {
            Outcome::Success => {
                self.millionths
                    .put(self.config.token_ratio.millionths().into());
            }
            Outcome::Failure(failure)
                if failure.is_transient() || failure.asked() == Pushback::Never =>
            {
                self.millionths.drain(TOKEN);
            }
            Outcome::Failure(_) | Outcome::Ignored => {}
        }
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;
    use crate::time;

    fn fails(budget: &ThrottleBudget) -> bool {
        budget.settle(None, Outcome::Failure(Failure::transient()));
        budget.withdraw(time::now(), None).is_some()
    }

    #[test]
    fn the_fifth_failure_in_a_row_is_not_retried_and_one_success_turns_that() {
        let budget = ThrottleBudget::default();
        let retried: Vec<bool> = (0..6).map(|_| fails(&budget)).collect();
        assert_eq!(retried, [true, true, true, true, false, false]);
        budget.settle(None, Outcome::Failure(Failure::permanent()));
        budget.settle(None, Outcome::Ignored);
        assert_eq!(budget.balance(), 4, "those say nothing of load");
        let forbidden = Failure::permanent().pushback(Pushback::Never);
        budget.settle(None, Outcome::Failure(forbidden));
        assert_eq!(budget.balance(), 3, "that does");
        (0..10).for_each(|_| budget.settle(None, Outcome::Success));
        (0..10).for_each(|_| budget.settle(None, Outcome::Success));
        assert!(budget.withdraw(time::now(), None).is_none(), "5 of 10");
        budget.settle(None, Outcome::Success);
        assert!(budget.withdraw(time::now(), None).is_some(), "5.1 of 10");
    }

    #[test]
    fn above_one_failure_for_ten_successes_retries_stop_for_good() {
        let budget = ThrottleBudget::default();
        for call in 0..1000 {
            (0..9).for_each(|_| budget.settle(None, Outcome::Success));
            let retried = fails(&budget);
            assert_eq!(retried, call < 40, "call {call}");
        }
    }

    #[test]
    fn tokens_out_of_range_are_refused_by_name() {
        let config = ThrottleConfig::default();
        let field = |config| ThrottleBudget::new(config).unwrap_err().field();
        assert_eq!(field(config.clone().tokens_max(0)), "tokens_max");
        assert_eq!(field(config.clone().tokens_max(1001)), "tokens_max");
        let ratio = config.clone().token_ratio(Ratio::ZERO);
        assert_eq!(field(ratio), "token_ratio");
        for edge in [1, 1000] {
            assert!(ThrottleBudget::new(config.clone().tokens_max(edge)).is_ok());
        }
    }
}
