//! Makes the fields of each request canonical.

use std::sync::Arc;
use std::task::{Context, Poll};

use tower::Service;

use crate::context::{Carrier, TRACEPARENT, TRACESTATE};
use crate::trace::origin::Contexts;
use crate::trace::{TraceContext, policy};

use super::layer::Shared;

/// Makes the trace context of each request canonical, or strips it; made by
/// [`NormalizeTraceLayer`](super::NormalizeTraceLayer).
#[derive(Clone, Debug)]
pub struct NormalizeTrace<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> NormalizeTrace<S> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S, Req> Service<Req> for NormalizeTrace<S>
where
    S: Service<Req>,
    Req: Carrier,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        let Shared {
            contexts,
            state_bytes_max,
        } = &*self.shared;
        normalize(&mut request, *state_bytes_max, contexts);
        self.inner.call(request)
    }
}

/// One canonical field of each kind, or none; nothing is minted, and the parent stays as it is.
pub(in crate::trace) fn normalize<C: Carrier>(
    carrier: &mut C,
    state_bytes_max: usize,
    contexts: &Contexts,
) {
    let came = TraceContext::read(carrier, state_bytes_max);
    contexts.count_state(&came);
    if let Some(origin) = policy::origin(&came) {
        contexts.count(origin);
    }
    match came.context {
        // To write again what is there would allocate.
        Some(_) if came.is_canonical => {}
        Some(context) => context.inject(carrier),
        None => {
            carrier.remove(TRACEPARENT);
            carrier.remove(TRACESTATE);
        }
    }
}
