//! Gives each inbound request its context.

use std::sync::Arc;
use std::task::{Context, Poll};

use tower::Service;

use crate::context::Carrier;
use crate::context::{Current, Swapped};
use crate::telemetry;
use crate::trace::origin::Origin;
use crate::trace::policy::{self, Received};
use crate::trace::{Baggage, Boundary, InScope, Never, Sampler, TraceContext, Trust};

use super::layer::Shared;

/// Gives each inbound request its trace context; made by
/// [`TraceServerLayer`](super::TraceServerLayer).
#[derive(Clone, Debug)]
pub struct TraceServer<S, M = Never, T = Boundary> {
    inner: S,
    shared: Arc<Shared>,
    sampler: M,
    trust: T,
}

impl<S, M, T> TraceServer<S, M, T> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>, sampler: M, trust: T) -> Self {
        Self {
            inner,
            shared,
            sampler,
            trust,
        }
    }
}

impl<S, Req, M, T> Service<Req> for TraceServer<S, M, T>
where
    S: Service<Req>,
    Req: Carrier,
    M: Sampler,
    T: Trust<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = InScope<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        let boundary = self.trust.boundary(&request);
        let context = self.receive(&mut request, boundary);
        let baggage = self.baggage(&mut request, boundary);
        let mut held = Some(Current { context, baggage });
        let inner = {
            let _swapped = Swapped::new(&mut held);
            self.inner.call(request)
        };
        InScope::made(held, inner)
    }
}

impl<S, M: Sampler, T> TraceServer<S, M, T> {
    fn receive<Req: Carrier>(&self, request: &mut Req, boundary: Boundary) -> TraceContext {
        let shared = &self.shared;
        let came = TraceContext::read(request, shared.state_bytes_max);
        shared.contexts.count_state(&came);
        let Received {
            context,
            origin,
            is_said,
        } = policy::receive(came, boundary, &self.sampler, &shared.rng);
        shared.contexts.count(origin);
        let named = match origin {
            Origin::Continued => "parent_id",
            _ => "span_id",
        };
        telemetry::record([
            ("trace_id", &context.trace_id()),
            (named, &context.span_id()),
        ]);
        if !is_said {
            context.inject(request);
        }
        if shared.attaches {
            request.attach(context.clone());
        } else {
            request.detach::<TraceContext>();
        }
        context
    }

    /// What the application of the peer sent along, unless its trace was not to be believed either.
    fn baggage<Req: Carrier>(&self, request: &mut Req, boundary: Boundary) -> Baggage {
        if boundary != Boundary::Continue {
            request.detach::<Baggage>();
            Baggage::default().inject(request);
        } else if self.shared.carries_baggage {
            let baggage = Baggage::extract(request);
            baggage.inject(request);
            if baggage.is_empty() {
                request.detach::<Baggage>();
            } else {
                request.attach(baggage.clone());
            }
            return baggage;
        }
        Baggage::default()
    }
}
