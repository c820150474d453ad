//! Tokens that retries cost and successes give back, as the AWS SDKs have it.

use crate::classify::{Failure, Outcome};
use crate::error::ConfigError;
use crate::time::Instant;

use super::tokens::Tokens;
use super::{Budget, Receipt};

/// Pays from a bucket of tokens: an extra attempt has a price, returned when the attempt succeeds; a
/// call that succeeds at once earns a little.
///
/// The numbers are those of the AWS SDKs' standard mode since its revision 2.1 of 2026 (aws-sdk-go-v2
/// #3400, aws-sdk-java-v2 #6925): 500 tokens, 14 for a retry, 5 for one after an overload, because
/// the service then said itself that it wants to be asked later. Before, a retry cost 5, and 10 after
/// a timeout.
///
/// It bounds retries that fail. While they succeed it bounds nothing: a service that fails every
/// first attempt and no second is sent every call twice.
#[derive(Debug)]
pub struct TokenBudget {
    tokens: Tokens,
    config: TokenConfig,
}

/// The settings of a [`TokenBudget`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct TokenConfig {
    capacity: u32,
    cost: u32,
    cost_overload: u32,
    reward: u32,
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self {
            capacity: 500,
            cost: 14,
            cost_overload: 5,
            reward: 1,
        }
    }
}

impl TokenConfig {
    /// The most tokens there can be, and how many there are at the start. Default 500.
    pub const fn capacity(mut self, capacity: u32) -> Self {
        self.capacity = capacity;
        self
    }

    /// What an extra attempt costs, at least 1. Default 14.
    pub const fn cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }

    /// What it costs after an overload, at least 1. Default 5.
    pub const fn cost_overload(mut self, cost: u32) -> Self {
        self.cost_overload = cost;
        self
    }

    /// What a call earns that succeeds at its first attempt. Default 1.
    pub const fn reward(mut self, reward: u32) -> Self {
        self.reward = reward;
        self
    }

    fn validate(&self) -> Result<(), ConfigError> {
        for (field, cost) in [("cost", self.cost), ("cost_overload", self.cost_overload)] {
            if cost == 0 {
                return Err(ConfigError::new(field, 0, "at least 1"));
            }
        }
        Ok(())
    }
}

impl TokenBudget {
    /// A full bucket with these settings.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(config: TokenConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self::full(config))
    }

    fn full(config: TokenConfig) -> Self {
        Self {
            tokens: Tokens::full(config.capacity.into()),
            config,
        }
    }

    /// How many tokens are left.
    pub fn balance(&self) -> u64 {
        self.tokens.left()
    }
}

impl Default for TokenBudget {
    fn default() -> Self {
        Self::full(TokenConfig::default())
    }
}

/// The receipt notes the price.
impl Budget for TokenBudget {
    fn enter(&self) {}

    fn withdraw(&self, _now: Instant, failure: Option<Failure>) -> Option<Receipt> {
        let price = if failure.is_some_and(Failure::is_overload) {
            self.config.cost_overload
        } else {
            self.config.cost
        };
        let price = price.into();
        self.tokens.take(price).then(|| Receipt::new(price))
    }

    fn refund(&self, receipt: Receipt) {
        self.tokens.put(receipt.note());
    }

    fn settle(&self, paid: Option<Receipt>, outcome: Outcome) {
        if outcome == Outcome::Success {
            let back = paid.map_or(self.config.reward.into(), Receipt::note);
            self.tokens.put(back);
        }
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;
    use crate::time;

    fn withdraw(budget: &TokenBudget, failure: Failure) -> Option<Receipt> {
        budget.withdraw(time::now(), Some(failure))
    }

    #[test]
    fn five_hundred_tokens_pay_for_35_retries_or_for_100_after_an_overload() {
        for (failure, retries) in [(Failure::transient(), 35), (Failure::overload(), 100)] {
            let budget = TokenBudget::default();
            let paid = (0..1000)
                .filter(|_| withdraw(&budget, failure).is_some())
                .count();
            assert_eq!(paid, retries);
        }
    }

    #[test]
    fn a_retry_that_succeeds_or_is_not_sent_costs_nothing_and_one_that_fails_its_price() {
        let budget = TokenBudget::default();
        let receipt = withdraw(&budget, Failure::transient()).unwrap();
        budget.settle(Some(receipt), Outcome::Success);
        assert_eq!(budget.balance(), 500);
        let receipt = withdraw(&budget, Failure::transient()).unwrap();
        budget.refund(receipt);
        assert_eq!(budget.balance(), 500);
        let receipt = withdraw(&budget, Failure::transient()).unwrap();
        budget.settle(Some(receipt), Outcome::Failure(Failure::transient()));
        assert_eq!(budget.balance(), 486);
        budget.settle(None, Outcome::Success);
        budget.settle(None, Outcome::Ignored);
        assert_eq!(budget.balance(), 487);
    }

    #[test]
    fn costs_of_nothing_are_refused_by_name_and_the_extremes_are_not() {
        let config = TokenConfig::default();
        let field = |config| TokenBudget::new(config).unwrap_err().field();
        assert_eq!(field(config.clone().cost(0)), "cost");
        assert_eq!(field(config.clone().cost_overload(0)), "cost_overload");
        let none = TokenBudget::new(config.clone().capacity(0)).unwrap();
        assert!(withdraw(&none, Failure::transient()).is_none());
        let most = config.capacity(u32::MAX).cost(u32::MAX).reward(u32::MAX);
        let most = TokenBudget::new(most).unwrap();
        assert!(withdraw(&most, Failure::transient()).is_some());
        assert!(withdraw(&most, Failure::transient()).is_none());
        most.settle(None, Outcome::Success);
        assert_eq!(most.balance(), u64::from(u32::MAX));
    }
}
