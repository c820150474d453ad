//! Points in the time of one clock.

use std::time::Duration;

/// A point in the time of one clock of one process: what has gone by since an origin of its own. Never
/// compared with another clock's, and never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// The origin.
    pub const ORIGIN: Self = Self(Duration::ZERO);

    /// So long after the origin.
    pub const fn from_origin(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// `wait` later; the end of time when that lies beyond it.
    #[must_use]
    pub const fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }

    /// `lead` earlier; the origin when that lies before it.
    #[must_use]
    pub const fn before(self, lead: Duration) -> Self {
        Self(self.0.saturating_sub(lead))
    }

    /// What has gone by since `earlier`; zero when it lies in the future.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
