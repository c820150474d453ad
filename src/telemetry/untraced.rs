//! No events: the `tracing` feature is off.

use std::fmt;

use super::Scope;

pub(crate) fn event(_scope: &Scope, _what: &'static str, _detail: fmt::Arguments<'_>) {}

pub(crate) fn decided(_scope: &Scope, _what: &'static str, _why: &'static str) {}

pub(crate) fn record<const N: usize>(_ids: [(&'static str, &dyn fmt::Display); N]) {}

/// No span.
#[derive(Clone, Debug)]
pub(crate) struct CallSpan;

#[expect(clippy::unused_self, reason = "the shape of the traced span")]
impl CallSpan {
    pub(crate) const fn take() -> Self {
        Self
    }

    pub(crate) fn over<F>(self, future: F) -> F {
        future
    }
}
