//! Repeats calls that failed, within a budget.

mod account;
mod backoff;
pub mod budget;
mod config;
mod future;
mod layer;
#[cfg(all(test, mainstay_loom))]
mod loom_tests;
mod policy;
mod record;
mod replay;
mod service;
mod settings;
mod stop;

pub use budget::{
    Budget, ConcurrencyBudget, ConcurrencyConfig, Receipt, ThrottleBudget, ThrottleConfig,
    TokenBudget, TokenConfig, Unlimited, WindowedBudget, WindowedConfig,
};
pub use config::{Jitter, Nested, RetryConfig};
pub use future::ResponseFuture;
pub use layer::{RetryHandle, RetryLayer};
pub use record::RetrySnapshot;
pub use replay::{ByClone, Replay};
pub use service::Retry;
pub use stop::Stop;
