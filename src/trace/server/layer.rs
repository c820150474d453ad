//! Settings of the inbound side.

use std::sync::Arc;

use tower::Layer;

use crate::error::ConfigError;
use crate::name::Name;
use crate::rng::Rng;
use crate::telemetry::Scope;
use crate::trace::normalize::validate_state_bytes;
use crate::trace::origin::{Contexts, Origin};
use crate::trace::{Boundary, Never, TraceState};

use super::TraceServer;

/// Makes [`TraceServer`] services.
///
/// The services of one layer value and of its clones share its metrics.
#[derive(Clone, Debug)]
#[must_use]
pub struct TraceServerLayer<M = Never, T = Boundary> {
    shared: Arc<Shared>,
    sampler: M,
    trust: T,
}

/// What the services of one layer share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) contexts: Contexts,
    pub(super) rng: Rng,
    pub(super) attaches: bool,
    pub(super) carries_baggage: bool,
    pub(super) state_bytes_max: usize,
}

impl TraceServerLayer {
    /// For requests that come to what `name` names: a peer's context goes on, and where there is none
    /// a trace begins, not sampled.
    pub fn new(name: impl Into<Name>) -> Self {
        let scope = Scope::new("trace_server", name.into());
        let origins = [
            Origin::Continued,
            Origin::Minted,
            Origin::Restarted,
            Origin::Malformed,
        ];
        let shared = Shared {
            contexts: Contexts::new(&scope, &origins),
            rng: Rng::thread(),
            attaches: true,
            carries_baggage: false,
            state_bytes_max: TraceState::LIMIT,
        };
        Self {
            shared: Arc::new(shared),
            sampler: Never,
            trust: Boundary::Continue,
        }
    }
}

impl<M, T> TraceServerLayer<M, T> {
    /// What becomes of a peer's context: a [`Boundary`] for all requests, or a closure
    /// `Fn(&Req) -> Boundary` with the type of its argument written out. Default [`Boundary::Continue`].
    pub fn boundary<U>(self, trust: U) -> TraceServerLayer<M, U> {
        TraceServerLayer {
            shared: self.shared,
            sampler: self.sampler,
            trust,
        }
    }

    /// Decides whether a trace that begins here is sampled. Default [`Never`].
    pub fn sampler<N>(self, sampler: N) -> TraceServerLayer<N, T> {
        TraceServerLayer {
            shared: self.shared,
            sampler,
            trust: self.trust,
        }
    }

    /// Draws ids from `rng`. Default [`Rng::thread`].
    pub fn rng(mut self, rng: Rng) -> Self {
        Arc::make_mut(&mut self.shared).rng = rng;
        self
    }

    /// Whether the context is attached to the request. Default `true`.
    ///
    /// With HTTP that costs an allocation, and two more where the request has no extensions yet. Without
    /// it the context is current alone: the extensions do not have it, and a client layer that is called with
    /// the request in another task, behind a `Buffer`, begins a trace.
    pub fn attach(mut self, attached: bool) -> Self {
        Arc::make_mut(&mut self.shared).attaches = attached;
        self
    }

    /// Whether W3C Baggage goes along: attached to the request if there is any, and current with the
    /// context. Default `false`: it is left on the request as it came.
    ///
    /// In either case a boundary that restarts the trace removes it.
    pub fn baggage(mut self, carried: bool) -> Self {
        Arc::make_mut(&mut self.shared).carries_baggage = carried;
        self
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

impl<S, M: Clone, T: Clone> Layer<S> for TraceServerLayer<M, T> {
    type Service = TraceServer<S, M, T>;

    fn layer(&self, inner: S) -> Self::Service {
        let (sampler, trust) = (self.sampler.clone(), self.trust.clone());
        TraceServer::new(inner, Arc::clone(&self.shared), sampler, trust)
    }
}
