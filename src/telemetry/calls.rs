//! Every call that enters a layer is counted once, by how it ended.

use std::ops::Deref;
use std::sync::Arc;

use crate::error::{Executed, Kind, Rejection};

use super::{Counter, Scope};

/// How a call ended, as its layer saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Ok,
    Error,
    Rejected(Kind),
    Cancelled,
}

impl End {
    /// What the inner service answered.
    #[inline]
    pub(crate) const fn of<T, E>(result: &Result<T, E>) -> Self {
        if result.is_ok() {
            Self::Ok
        } else {
            Self::Error
        }
    }
}

/// The counters of one layer instance.
#[derive(Debug)]
pub(crate) struct Calls {
    scope: Scope,
    ok: Counter,
    error: Counter,
    rejected: Counter,
    cancelled: Counter,
    rejections: Vec<(Kind, Counter)>,
}

impl Calls {
    /// `kinds` are the refusals that this layer can make.
    pub(crate) fn new(scope: Scope, kinds: &[Kind]) -> Self {
        let calls = |outcome| scope.counter_by("mainstay_calls_total", "outcome", outcome);
        let rejections = |kind: &Kind| {
            (
                *kind,
                scope.counter_by("mainstay_rejections_total", "kind", kind.label()),
            )
        };
        Self {
            ok: calls("ok"),
            error: calls("error"),
            rejected: calls("rejected"),
            cancelled: calls("cancelled"),
            rejections: kinds.iter().map(rejections).collect(),
            scope,
        }
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// A refusal in this instance's name.
    pub(crate) fn rejection(&self, kind: Kind, executed: Executed) -> Rejection {
        Rejection::new(kind, executed, self.scope.name())
    }

    #[inline]
    pub(crate) fn count(&self, end: End) {
        match end {
            End::Ok => self.ok.increment(1),
            end => self.count_other(end),
        }
    }

    #[cold]
    fn count_other(&self, end: End) {
        match end {
            End::Ok => self.ok.increment(1),
            End::Error => self.error.increment(1),
            End::Cancelled => self.cancelled.increment(1),
            End::Rejected(kind) => {
                self.rejected.increment(1);
                if let Some((_, counter)) = self.rejections.iter().find(|(known, _)| *known == kind)
                {
                    counter.increment(1);
                }
            }
        }
    }
}

/// The state that the services of one layer share, as far as counting goes.
pub(crate) trait Metered {
    fn calls(&self) -> &Calls;
}

/// Counts one call when it ends; dropped before that, as cancelled.
///
/// It is made before the inner service is called, so that a call which unwinds or is never polled
/// is counted too.
#[derive(Debug)]
pub(crate) struct Tally<T: Metered, R: Deref<Target = T> = Arc<T>> {
    shared: R,
    open: bool,
}

impl<T: Metered> Tally<T> {
    pub(crate) fn new(shared: &Arc<T>) -> Self {
        Self::by(Arc::clone(shared))
    }
}

impl<T: Metered, R: Deref<Target = T>> Tally<T, R> {
    #[inline]
    pub(crate) const fn by(shared: R) -> Self {
        Self { shared, open: true }
    }

    /// Hands the call on to a tally that reaches the counters by `shared`: while a call is admitted a
    /// borrow does, and what is refused then holds nothing.
    #[inline]
    pub(crate) fn hand_to<Q: Deref<Target = T>>(mut self, shared: Q) -> Tally<T, Q> {
        Tally {
            shared,
            open: std::mem::take(&mut self.open),
        }
    }

    /// Hands the call on to what holds the counters for as long as the call is not counted, and no longer.
    #[inline]
    pub(crate) fn hold<Q: Deref<Target = T>>(mut self, shared: Q) -> Open<T, Q> {
        self.open = false;
        Open(Some(shared))
    }

    /// Counts the call. Only the first end counts.
    #[inline]
    pub(crate) fn end(&mut self, end: End) {
        if std::mem::take(&mut self.open) {
            self.shared.calls().count(end);
        }
    }

    /// Counts what the inner service answered.
    #[inline]
    pub(crate) fn answered<A, E>(&mut self, result: &Result<A, E>) {
        self.end(End::of(result));
    }

    /// Counts a refusal and makes it.
    pub(crate) fn reject(&mut self, kind: Kind, executed: Executed) -> Rejection {
        self.end(End::Rejected(kind));
        self.shared.calls().rejection(kind, executed)
    }
}

impl<T: Metered, R: Deref<Target = T> + Clone> Tally<T, R> {
    /// Hands the call on to another tally, which counts it in this one's place.
    pub(crate) fn hand_on(&mut self) -> Self {
        Self {
            shared: self.shared.clone(),
            open: std::mem::take(&mut self.open),
        }
    }
}

impl<T: Metered, R: Deref<Target = T>> Deref for Tally<T, R> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.shared
    }
}

impl<T: Metered, R: Deref<Target = T>> Drop for Tally<T, R> {
    #[inline]
    fn drop(&mut self) {
        self.end(End::Cancelled);
    }
}

/// A [`Tally`] in one word, for futures that lie in each other: it lets go of what the layer shares when the
/// call is counted.
#[derive(Debug)]
pub(crate) struct Open<T: Metered, R: Deref<Target = T>>(Option<R>);

impl<T: Metered, R: Deref<Target = T>> Open<T, R> {
    /// Counts the call, and gives what was held for it; `None` when it was counted before.
    #[inline]
    pub(crate) fn end(&mut self, end: End) -> Option<R> {
        let shared = self.0.take()?;
        shared.calls().count(end);
        Some(shared)
    }

    /// What is held until the call is counted.
    #[inline]
    pub(crate) const fn held(&self) -> Option<&R> {
        self.0.as_ref()
    }
}

impl<T: Metered, R: Deref<Target = T>> Drop for Open<T, R> {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_some() {
            self.cancel();
        }
    }
}

impl<T: Metered, R: Deref<Target = T>> Open<T, R> {
    #[cold]
    fn cancel(&mut self) {
        self.end(End::Cancelled);
    }
}
