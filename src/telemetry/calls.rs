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

    pub(crate) fn count(&self, end: End) {
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
pub(crate) struct Tally<T: Metered> {
    shared: Arc<T>,
    open: bool,
}

impl<T: Metered> Tally<T> {
    pub(crate) fn new(shared: &Arc<T>) -> Self {
        Self {
            shared: Arc::clone(shared),
            open: true,
        }
    }

    /// Hands the call on to another tally, which counts it in this one's place.
    pub(crate) fn hand_on(&mut self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            open: std::mem::take(&mut self.open),
        }
    }

    /// Counts the call. Only the first end counts.
    pub(crate) fn end(&mut self, end: End) {
        if std::mem::take(&mut self.open) {
            self.shared.calls().count(end);
        }
    }

    /// Counts what the inner service answered.
    pub(crate) fn answered<R, E>(&mut self, result: &Result<R, E>) {
        self.end(if result.is_ok() { End::Ok } else { End::Error });
    }

    /// Counts a refusal and makes it.
    pub(crate) fn reject(&mut self, kind: Kind, executed: Executed) -> Rejection {
        self.end(End::Rejected(kind));
        self.shared.calls().rejection(kind, executed)
    }
}

impl<T: Metered> Deref for Tally<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.shared
    }
}

impl<T: Metered> Drop for Tally<T> {
    fn drop(&mut self) {
        self.end(End::Cancelled);
    }
}
