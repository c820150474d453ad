//! What tracing systems say of a trace to themselves, further down.

use std::sync::Arc;

/// A valid `tracestate`: at most 32 members, in canonical form. Clones share it; an empty one
/// allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TraceState {
    list: Option<Arc<str>>,
}

impl TraceState {
    /// Whether there is no member.
    pub const fn is_empty(&self) -> bool {
        self.list.is_none()
    }

    /// The list as it is sent; empty when there is no member.
    pub fn as_str(&self) -> &str {
        self.list.as_deref().unwrap_or_default()
    }
}
