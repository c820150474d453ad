//! Settings of the outbound side.

use std::sync::Arc;

use tower::Layer;

use crate::name::Name;
use crate::rng::Rng;
use crate::telemetry::Scope;
use crate::trace::Never;
use crate::trace::origin::{Contexts, Origin};

use super::{TraceClient, Writer};

/// Makes [`TraceClient`] services.
///
/// The services of one layer value and of its clones share its metrics.
#[derive(Clone, Debug)]
#[must_use]
pub struct TraceClientLayer<M = Never> {
    shared: Arc<Shared>,
    sampler: M,
}

/// What the services of one layer share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) contexts: Contexts,
    pub(super) rng: Rng,
    pub(super) carries_baggage: bool,
    pub(super) writer: Writer,
}

impl TraceClientLayer {
    /// For calls to what `name` names: each is sent a child of the context it belongs to.
    pub fn new(name: impl Into<Name>) -> Self {
        let scope = Scope::new("trace_client", name.into());
        let origins = [
            Origin::Attached,
            Origin::Current,
            Origin::Minted,
            Origin::Continued,
            Origin::Malformed,
        ];
        let shared = Shared {
            contexts: Contexts::new(&scope, &origins),
            rng: Rng::thread(),
            carries_baggage: false,
            writer: Writer::Own,
        };
        Self {
            shared: Arc::new(shared),
            sampler: Never,
        }
    }
}

impl<M> TraceClientLayer<M> {
    /// Decides whether a trace that begins here is sampled. Default [`Never`].
    pub fn sampler<N>(self, sampler: N) -> TraceClientLayer<N> {
        TraceClientLayer {
            shared: self.shared,
            sampler,
        }
    }

    /// Draws ids from `rng`. Default [`Rng::thread`].
    pub fn rng(mut self, rng: Rng) -> Self {
        Arc::make_mut(&mut self.shared).rng = rng;
        self
    }

    /// Whether W3C Baggage is sent: what is attached to the request, or else the task's, in the place of
    /// what is on the request. An empty one that is attached takes that away; where none is attached and
    /// the task's is empty, it stays. Default `false`, which leaves it as it is, as [`Writer::Other`]
    /// does in any case.
    pub fn baggage(mut self, carried: bool) -> Self {
        Arc::make_mut(&mut self.shared).carries_baggage = carried;
        self
    }

    /// Who writes the context. Default [`Writer::Own`].
    pub fn writer(mut self, writer: Writer) -> Self {
        Arc::make_mut(&mut self.shared).writer = writer;
        self
    }
}

impl<S, M: Clone> Layer<S> for TraceClientLayer<M> {
    type Service = TraceClient<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        TraceClient::new(inner, Arc::clone(&self.shared), self.sampler.clone())
    }
}
