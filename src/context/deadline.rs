//! When the caller stops waiting.

use std::time::Duration;

use crate::time::{self, Instant};

use super::Scope;

/// The instant after which nobody waits for the answer any more.
///
/// It is absolute and monotonic, and it only ever shrinks: whoever combines two keeps the
/// [`sooner`](Self::sooner).
///
/// ```
/// use mainstay::Deadline;
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let caller = Deadline::within(Duration::from_millis(250));
/// let own = Deadline::within(Duration::from_secs(30));
/// assert_eq!(caller.sooner(own), caller);
/// assert_eq!(caller.sooner(Deadline::NEVER), caller);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    at: Option<Instant>,
}

impl Deadline {
    /// The caller waits for ever.
    pub const NEVER: Self = Self { at: None };

    /// The caller stops waiting at this instant of tokio's clock.
    pub const fn at(at: Instant) -> Self {
        Self { at: Some(at) }
    }

    /// The caller stops waiting when `left` has gone by from now; never, when that lies beyond what
    /// the clock can hold.
    pub fn within(left: Duration) -> Self {
        Self {
            at: time::after(time::now(), left),
        }
    }

    /// The deadline that the code now running was polled under, if a [`scope`](Self::scope) is
    /// around it.
    pub fn current() -> Option<Self> {
        super::ambient::deadline()
    }

    /// The sooner of two.
    #[must_use]
    pub fn sooner(self, other: Self) -> Self {
        Self {
            at: time::sooner(self.at, other.at),
        }
    }

    /// The instant, unless it is never.
    pub const fn instant(self) -> Option<Instant> {
        self.at
    }

    /// The time left: zero once it has passed, [`Duration::MAX`] when it is never.
    pub fn remaining(self, now: Instant) -> Duration {
        self.at
            .map_or(Duration::MAX, |at| at.saturating_duration_since(now))
    }

    /// Whether it has passed; the instant itself has.
    pub fn has_passed(self, now: Instant) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// Polls `future` under this deadline, or under the one around it when that is sooner.
    ///
    /// Layers inside read it through [`Ambient`](super::Ambient). It does not reach tasks that the
    /// future spawns, and it ends nothing by itself.
    pub fn scope<F: Future>(self, future: F) -> Scope<F> {
        Scope::new(self, future)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instant_itself_has_passed_and_never_has_not() {
        let now = time::now();
        assert!(Deadline::at(now).has_passed(now));
        assert_eq!(Deadline::at(now).remaining(now), Duration::ZERO);
        let next = time::after(now, Duration::from_nanos(1)).unwrap();
        assert!(!Deadline::at(next).has_passed(now));
        assert!(!Deadline::NEVER.has_passed(now));
        assert_eq!(Deadline::within(Duration::MAX), Deadline::NEVER);
        assert_eq!(Deadline::NEVER.remaining(now), Duration::MAX);
    }

    #[test]
    fn a_scope_only_shrinks_and_ends_with_its_future() {
        let now = time::now();
        let soon = Deadline::at(now);
        let late = Deadline::at(time::after(now, Duration::from_secs(9)).unwrap());
        let inside = late.scope(async move {
            let outer = Deadline::current();
            let inner = soon.scope(async { Deadline::current() }).await;
            let grown = soon.scope(late.scope(async { Deadline::current() })).await;
            (outer, inner, grown, Deadline::current())
        });
        let seen = futures::executor::block_on(inside);
        assert_eq!(seen, (Some(late), Some(soon), Some(soon), Some(late)));
        assert_eq!(Deadline::current(), None);
    }
}
