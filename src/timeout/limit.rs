//! Where a call's limit comes from.

use std::time::Duration;

/// Computes a limit for each request. Closures `Fn(&Req) -> Option<Duration>` do.
pub trait Limit<Req> {
    /// The limit for this call; `None` for the configured one. Zero refuses whatever is not ready at
    /// once, [`Duration::MAX`] never does.
    fn limit(&self, request: &Req) -> Option<Duration>;
}

/// The configured limit for every call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fixed;

impl<Req> Limit<Req> for Fixed {
    fn limit(&self, _request: &Req) -> Option<Duration> {
        None
    }
}

impl<F, Req> Limit<Req> for F
where
    F: Fn(&Req) -> Option<Duration>,
{
    fn limit(&self, request: &Req) -> Option<Duration> {
        self(request)
    }
}
