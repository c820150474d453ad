//! Events through `tracing`.

use std::fmt;

use tracing::Instrument as _;
use tracing::instrument::Instrumented;

use super::Scope;

/// Says that something changed. `what` is a fixed phrase; `detail` is what is particular to it.
pub(crate) fn event(scope: &Scope, what: &'static str, detail: fmt::Arguments<'_>) {
    tracing::info!(
        target: "mainstay",
        layer = scope.layer,
        name = &*scope.name,
        detail,
        "{what}"
    );
}

/// Says what a layer decided about one call, for those who look for it: at debug level.
pub(crate) fn decided(scope: &Scope, what: &'static str, why: &'static str) {
    tracing::debug!(
        target: "mainstay",
        layer = scope.layer,
        name = &*scope.name,
        why,
        "{what}"
    );
}

/// Records ids on the span around, each in the field of its name if the span was made with one.
pub(crate) fn record<const N: usize>(ids: [(&'static str, &dyn fmt::Display); N]) {
    let span = tracing::Span::current();
    for (field, id) in ids {
        span.record(field, tracing::field::display(id));
    }
}

/// The span of a call, taken along to a task of its own.
#[derive(Clone, Debug)]
pub(crate) struct CallSpan(tracing::Span);

impl CallSpan {
    /// The span that the code now running is in.
    pub(crate) fn take() -> Self {
        Self(tracing::Span::current())
    }

    /// Enters it wherever `future` is polled.
    pub(crate) fn over<F>(self, future: F) -> Instrumented<F> {
        future.instrument(self.0)
    }
}
