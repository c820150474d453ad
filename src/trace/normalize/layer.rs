//! Settings of the normaliser.

use std::sync::Arc;

use tower::Layer;

use crate::error::ConfigError;
use crate::name::Name;
use crate::telemetry::Scope;
use crate::trace::TraceState;
use crate::trace::origin::{Contexts, Origin};

use super::NormalizeTrace;

/// What a layer is told to carry of a state is at least what everybody is to.
pub(in crate::trace) fn validate_state_bytes(bytes: usize) -> Result<(), ConfigError> {
    if bytes < TraceState::LIMIT_MIN {
        return Err(ConfigError::new("state_bytes_max", bytes, "at least 512"));
    }
    Ok(())
}

/// Makes [`NormalizeTrace`] services.
///
/// The services of one layer value and of its clones share its metrics.
#[derive(Clone, Debug)]
#[must_use]
pub struct NormalizeTraceLayer {
    shared: Arc<Shared>,
}

/// What the services of one layer share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) contexts: Contexts,
    pub(super) state_bytes_max: usize,
}

impl NormalizeTraceLayer {
    /// For requests to what `name` names.
    pub fn new(name: impl Into<Name>) -> Self {
        let scope = Scope::new("trace_normalize", name.into());
        let shared = Shared {
            contexts: Contexts::new(&scope, &[Origin::Continued, Origin::Malformed]),
            state_bytes_max: TraceState::LIMIT,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The longest `tracestate` that goes on, in bytes; a longer one is cut to whole members. At least
    /// 512; default 8192.
    ///
    /// # Errors
    /// Below 512, which every system is to pass on (W3C Trace Context level 2, §3.3.1.5).
    pub fn state_bytes_max(mut self, bytes: usize) -> Result<Self, ConfigError> {
        validate_state_bytes(bytes)?;
        Arc::make_mut(&mut self.shared).state_bytes_max = bytes;
        Ok(self)
    }
}

impl<S> Layer<S> for NormalizeTraceLayer {
    type Service = NormalizeTrace<S>;

    fn layer(&self, inner: S) -> Self::Service {
        NormalizeTrace::new(inner, Arc::clone(&self.shared))
    }
}
