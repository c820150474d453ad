//! Three attempts, of which the first succeeds.

use std::future::Ready;

use tower::{BoxError, Service};

use ::mainstay::retry::{RetryConfig, RetryLayer};

use super::Answer;

pub fn mainstay() -> impl Service<u64, Response = u64> {
    super::layer(RetryLayer::new("bench", RetryConfig::default()), Answer)
}

/// The least that tower's retry can be asked to do: a count, a copy, and no budget.
#[derive(Clone)]
pub struct Attempts(pub u32);

impl ::tower::retry::Policy<u64, u64, BoxError> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut u64, answer: &mut Result<u64, BoxError>) -> Option<Ready<()>> {
        self.0 = self.0.checked_sub(1)?;
        answer.is_err().then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}

pub fn tower() -> impl Service<u64, Response = u64> {
    ::tower::retry::Retry::new(Attempts(3), Answer)
}
