//! Gives each outgoing call a span id of its own.

use std::sync::Arc;
use std::task::{Context, Poll};

use tower::Service;

use crate::context::Carrier;
use crate::telemetry;
use crate::trace::normalize::normalize;
use crate::trace::origin::Origin;
use crate::trace::{Baggage, Never, Sampler, TraceContext, TraceState, policy};

use super::Writer;
use super::layer::Shared;

/// Writes a trace context on each outgoing call; made by
/// [`TraceClientLayer`](super::TraceClientLayer).
#[derive(Clone, Debug)]
pub struct TraceClient<S, M = Never> {
    inner: S,
    shared: Arc<Shared>,
    sampler: M,
}

impl<S, M> TraceClient<S, M> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>, sampler: M) -> Self {
        Self {
            inner,
            shared,
            sampler,
        }
    }
}

impl<S, Req, M> Service<Req> for TraceClient<S, M>
where
    S: Service<Req>,
    Req: Carrier,
    M: Sampler,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        match self.shared.writer {
            Writer::Own => self.send(&mut request),
            Writer::Other => normalize(&mut request, TraceState::LIMIT, &self.shared.contexts),
        }
        self.inner.call(request)
    }
}

impl<S, M: Sampler> TraceClient<S, M> {
    fn send<Req: Carrier>(&self, request: &mut Req) {
        let shared = &self.shared;
        let attached = request.attached::<TraceContext>();
        let (call, origin) = if let Some(context) = attached {
            (context.child(&shared.rng), Origin::Attached)
        } else if let Some(child) = TraceContext::child_of_current(&shared.rng) {
            (child, Origin::Current)
        } else {
            let root = policy::root(&self.sampler, None, &shared.rng);
            // Nothing else knows of this trace: what is further in is to stay in it.
            request.attach(root.clone());
            (root, Origin::Minted)
        };
        shared.contexts.count(origin);
        telemetry::record([("trace_id", &call.trace_id()), ("span_id", &call.span_id())]);
        call.inject(request);
        if shared.carries_baggage {
            let current = || Some(Baggage::current()).filter(|baggage| !baggage.is_empty());
            let attached = request.attached::<Baggage>().cloned();
            if let Some(baggage) = attached.or_else(current) {
                baggage.inject(request);
            }
        }
    }
}
