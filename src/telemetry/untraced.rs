//! No events: the `tracing` feature is off.

use std::fmt;

use super::Scope;

pub(crate) fn event(_scope: &Scope, _what: &'static str, _detail: fmt::Arguments<'_>) {}

pub(crate) fn decided(_scope: &Scope, _what: &'static str, _why: &'static str) {}

pub(crate) fn record<const N: usize>(_ids: [(&'static str, &dyn fmt::Display); N]) {}
