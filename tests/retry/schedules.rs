//! Random schedules of calls against the budgets that keep no window, beside the plainest model of
//! each. `MAINSTAY_SEED=<n>` runs one schedule again.

use std::collections::VecDeque;

use mainstay::retry::{
    Budget, ConcurrencyBudget, ConcurrencyConfig, Receipt, ThrottleBudget, ThrottleConfig,
    TokenBudget, TokenConfig,
};
use mainstay::{Failure, Outcome, Ratio, Rng};
use tokio::time::Instant;

/// What a budget should do, written down without regard for cost.
trait Model {
    fn calls(&mut self, _change: i64) {}
    /// What an extra attempt costs now, if it may be made.
    fn withdraw(&mut self, failure: Failure) -> Option<i64>;
    fn refund(&mut self, price: i64);
    fn settle(&mut self, paid: Option<i64>, outcome: Outcome);
}

struct Tokens {
    left: i64,
    most: i64,
}

impl Model for Tokens {
    fn withdraw(&mut self, failure: Failure) -> Option<i64> {
        let price = if failure.is_overload() { 5 } else { 14 };
        let pays = self.left >= price;
        self.left -= if pays { price } else { 0 };
        pays.then_some(price)
    }

    fn refund(&mut self, price: i64) {
        self.left = self.most.min(self.left + price);
    }

    fn settle(&mut self, paid: Option<i64>, outcome: Outcome) {
        if outcome == Outcome::Success {
            self.refund(paid.unwrap_or(1));
        }
    }
}

/// In tenths of a token, as the ratio is 0.1.
struct Throttle {
    left: i64,
    most: i64,
}

impl Model for Throttle {
    fn withdraw(&mut self, _failure: Failure) -> Option<i64> {
        (self.left * 2 > self.most).then_some(0)
    }

    fn refund(&mut self, _price: i64) {}

    fn settle(&mut self, _paid: Option<i64>, outcome: Outcome) {
        self.left = match outcome {
            Outcome::Success => self.most.min(self.left + 1),
            Outcome::Failure(failure) if failure.is_transient() => 0.max(self.left - 10),
            _ => self.left,
        };
    }
}

struct Concurrency {
    calls: i64,
    extras: i64,
}

impl Model for Concurrency {
    fn calls(&mut self, change: i64) {
        self.calls += change;
    }

    fn withdraw(&mut self, _failure: Failure) -> Option<i64> {
        let pays = self.extras < 3.max(self.calls / 5);
        self.extras += i64::from(pays);
        pays.then_some(0)
    }

    fn refund(&mut self, _price: i64) {
        self.extras -= 1;
    }

    fn settle(&mut self, paid: Option<i64>, _outcome: Outcome) {
        self.extras -= i64::from(paid.is_some());
    }
}

fn outcome(bits: u64) -> Outcome {
    match bits % 5 {
        0 | 1 => Outcome::Success,
        2 => Outcome::Failure(Failure::overload()),
        3 => Outcome::Failure(Failure::transient()),
        _ => Outcome::Ignored,
    }
}

/// Two hundred steps, and then everything that is open ends.
fn schedule(seed: u64, budget: &dyn Budget, model: &mut dyn Model) {
    let rng = Rng::seeded(seed);
    let mut paid: VecDeque<(Receipt, i64)> = VecDeque::new();
    let mut calls = 0;
    for step in 0..200 {
        let bits = rng.bits() >> 8;
        match rng.bits() >> 61 {
            0 | 1 => {
                budget.enter();
                model.calls(1);
                calls += 1;
            }
            2 if calls > 0 => {
                budget.leave();
                model.calls(-1);
                calls -= 1;
            }
            3 | 4 => {
                let failure = outcome(bits).failure().unwrap_or(Failure::transient());
                let receipt = budget.withdraw(Instant::now(), Some(failure));
                let price = model.withdraw(failure);
                assert_eq!(
                    receipt.is_some(),
                    price.is_some(),
                    "seed {seed}, step {step}"
                );
                paid.extend(receipt.zip(price));
            }
            5 => {
                if let Some((receipt, price)) = paid.pop_front() {
                    budget.refund(receipt);
                    model.refund(price);
                }
            }
            6 => {
                budget.settle(None, outcome(bits));
                model.settle(None, outcome(bits));
            }
            _ => {
                if let Some((receipt, price)) = paid.pop_back() {
                    budget.settle(Some(receipt), outcome(bits));
                    model.settle(Some(price), outcome(bits));
                }
            }
        }
    }
    for (receipt, _) in paid {
        budget.refund(receipt);
    }
    (0..calls).for_each(|_| budget.leave());
}

/// Every seed, or the one that is asked for.
fn seeds() -> impl Iterator<Item = u64> {
    let one = std::env::var("MAINSTAY_SEED").ok();
    let one = one.map(|seed| seed.parse().expect("MAINSTAY_SEED is a number"));
    one.map_or(0..10_000, |seed| seed..seed + 1)
}

#[test]
fn a_token_bucket_pays_what_its_model_pays() {
    for seed in seeds() {
        let budget = TokenBudget::new(TokenConfig::default().capacity(60)).unwrap();
        schedule(seed, &budget, &mut Tokens { left: 60, most: 60 });
        assert!(budget.balance() <= 60, "seed {seed}");
    }
}

#[test]
fn a_throttle_pays_what_its_model_pays() {
    for seed in seeds() {
        let config = ThrottleConfig::default().token_ratio(Ratio::percent(10).unwrap());
        let budget = ThrottleBudget::new(config.tokens_max(6)).unwrap();
        schedule(seed, &budget, &mut Throttle { left: 60, most: 60 });
    }
}

#[test]
fn a_share_of_the_calls_in_flight_is_what_its_model_says_and_nothing_is_left_over() {
    for seed in seeds() {
        let budget = ConcurrencyBudget::new(ConcurrencyConfig::default()).unwrap();
        schedule(
            seed,
            &budget,
            &mut Concurrency {
                calls: 0,
                extras: 0,
            },
        );
        assert_eq!((budget.calls(), budget.extras()), (0, 0), "seed {seed}");
    }
}
