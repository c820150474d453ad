//! Three attempts, of which the first succeeds.

use std::future::Ready;
use std::time::Duration;

use tower::BoxError;
use tower::retry::backoff::{
    Backoff as _, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff as _,
};
use tower::util::rng::HasherRng;

use ::mainstay::retry::{RetryConfig, RetryLayer};

use super::{Case, Inner};

pub(crate) fn mainstay(inner: impl Inner) -> impl Case {
    super::layer(RetryLayer::new("bench", RetryConfig::default()), inner)
}

/// The least that tower's retry can be asked to do: a count, a copy, and no budget.
#[derive(Clone)]
pub(crate) struct Attempts(pub(crate) u32);

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

/// The same with waits that grow, as they should wherever a service is called.
#[derive(Clone)]
pub(crate) struct BackingOff(u32, ExponentialBackoff);

impl ::tower::retry::Policy<u64, u64, BoxError> for BackingOff {
    type Future = tokio::time::Sleep;

    fn retry(
        &mut self,
        _: &mut u64,
        answer: &mut Result<u64, BoxError>,
    ) -> Option<tokio::time::Sleep> {
        self.0 = self.0.checked_sub(1)?;
        answer.is_err().then(|| self.1.next_backoff())
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}

pub(crate) fn backing_off() -> BackingOff {
    let (first, most) = (Duration::from_millis(10), Duration::from_secs(1));
    let maker = ExponentialBackoffMaker::new(first, most, 0.5, HasherRng::default());
    BackingOff(3, maker.expect("settings in range").make_backoff())
}

pub(crate) fn tower_backoff(inner: impl Inner) -> impl Case {
    ::tower::retry::Retry::new(backing_off(), inner)
}

pub(crate) fn tower(inner: impl Inner) -> impl Case {
    ::tower::retry::Retry::new(Attempts(3), inner)
}
