//! tower's own layers.

use std::time::Duration;

use tower::BoxError;
use tower::limit::ConcurrencyLimit;
use tower::load_shed::LoadShed;
use tower::retry::backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff};
use tower::retry::{Policy, Retry};
use tower::timeout::Timeout;
use tower::util::rng::HasherRng;

use crate::subject::{Inner, Request};

pub fn timeout<Q: Request>(inner: impl Inner<Q>, limit: Duration) -> impl Inner<Q> {
    Timeout::new(inner, limit)
}

/// Three attempts, and tower's backoff between them: from 10 ms, doubled, with jitter.
#[derive(Clone)]
struct Attempts {
    left: u32,
    backoff: ExponentialBackoff,
}

impl<Q: Request> Policy<Q, Q::Answer, BoxError> for Attempts {
    type Future = tokio::time::Sleep;

    fn retry(
        &mut self,
        _request: &mut Q,
        answer: &mut Result<Q::Answer, BoxError>,
    ) -> Option<Self::Future> {
        if answer.is_ok() || self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(self.backoff.next_backoff())
    }

    fn clone_request(&mut self, request: &Q) -> Option<Q> {
        Some(request.clone())
    }
}

pub fn retry<Q: Request>(inner: impl Inner<Q>) -> impl Inner<Q> {
    let (least, most) = (Duration::from_millis(10), Duration::from_secs(20));
    let maker = ExponentialBackoffMaker::new(least, most, 0.5, HasherRng::default());
    let backoff = maker.expect("settings in range").make_backoff();
    Retry::new(Attempts { left: 2, backoff }, inner)
}

/// Makes callers wait.
pub fn concurrency_limit<Q: Request>(inner: impl Inner<Q>, most: usize) -> impl Inner<Q> {
    ConcurrencyLimit::new(inner, most)
}

/// Refuses.
pub fn load_shed<Q: Request>(inner: impl Inner<Q>, most: usize) -> impl Inner<Q> {
    LoadShed::new(ConcurrencyLimit::new(inner, most))
}
