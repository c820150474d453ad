//! Who pays for the extra attempts.
//!
//! Repeats multiply load just when the service can bear it least: with `n` attempts a service that
//! fails every call sees `n` times the load, and the repeats alone can keep it down after the cause
//! has gone. A [`Budget`] bounds the extra load as a share of the calls, whatever each call may do.
//!
//! | Budget | Extra attempts | Clock | Choose it when |
//! |---|---|---|---|
//! | [`WindowedBudget`] (default) | 20 % of the calls of the last 10 s, and 10 a second | yes | there is no reason for another |
//! | [`TokenBudget`] | until 500 tokens are spent; successes give them back | no | as the AWS SDKs do |
//! | [`ThrottleBudget`] | while failures stay below a share of the successes | no | as gRPC clients do |
//! | [`ConcurrencyBudget`] | 20 % of the calls in flight, at least 3 at once | no | calls are many and long |
//! | [`Unlimited`] | all | no | something further out pays |
//!
//! A budget is shared by giving the same `Arc` to several layers.

mod concurrency;
mod contract;
mod entered;
#[cfg(all(test, mainstay_loom))]
mod loom_tests;
mod throttle;
mod token;
mod tokens;
mod window;
mod windowed;

pub use concurrency::{ConcurrencyBudget, ConcurrencyConfig};
pub use contract::{Budget, Receipt, Unlimited};
pub use throttle::{ThrottleBudget, ThrottleConfig};
pub use token::{TokenBudget, TokenConfig};
pub use windowed::{WindowedBudget, WindowedConfig};
