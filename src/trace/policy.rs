//! What is made of the context that a peer sent.
//!
//! # Invariants
//! - I1: a peer's context goes on as it is, unless a boundary gives it up; only then, or where there is
//!   none that is valid, does a trace begin.
//! - I2: of a context that was given up nothing goes on but its tracestate, where that was asked for.
//! - I3: a sampler is asked for roots alone.

use crate::context::Carrier;
use crate::rng::Rng;

use super::context::{Extracted, ParentFound, TRACEPARENT, TRACESTATE};
use super::parent::Parent;
use super::{Boundary, Origin, Sampler, TraceContext};

/// The context of a request that came.
pub(super) fn receive<M: Sampler>(
    came: Extracted,
    boundary: Boundary,
    sampler: &M,
    rng: &Rng,
) -> (TraceContext, Origin) {
    let origin = origin(&came);
    let Some(peer) = came.context else {
        let begun = root(sampler, None, rng);
        return (begun, origin.unwrap_or(Origin::Minted));
    };
    let restarted = match boundary {
        Boundary::Continue => return (peer, Origin::Continued),
        Boundary::Restart => root(sampler, Some(&peer), rng),
        Boundary::RestartKeepState => {
            root(sampler, Some(&peer), rng).with_state(peer.state().clone())
        }
    };
    (restarted, Origin::Restarted)
}

/// How a context came; `None` when nothing did.
pub(super) const fn origin(came: &Extracted) -> Option<Origin> {
    match came.parent {
        ParentFound::Missing => None,
        ParentFound::Valid => Some(Origin::Continued),
        ParentFound::Malformed | ParentFound::Several => Some(Origin::Malformed),
    }
}

/// A new trace, with the sampler's decision.
pub(super) fn root<M: Sampler>(
    sampler: &M,
    replaced: Option<&TraceContext>,
    rng: &Rng,
) -> TraceContext {
    let root = TraceContext::root(rng);
    let sampled = sampler.sample(&root, replaced);
    let flags = root.flags().sampled(sampled);
    root.with_flags(flags)
}

/// Has the fields of a message say this context and nothing else. What says so already is left alone,
/// for to write it again would allocate.
pub(super) fn settle<C: Carrier>(carrier: &mut C, context: Option<&TraceContext>) {
    match context {
        Some(context) if says(carrier, context) => {}
        Some(context) => context.inject(carrier),
        None => {
            carrier.remove(TRACEPARENT);
            carrier.remove(TRACESTATE);
        }
    }
}

fn says<C: Carrier>(carrier: &C, context: &TraceContext) -> bool {
    let parent = Parent {
        trace_id: context.trace_id(),
        span_id: context.span_id(),
        flags: context.flags(),
    };
    let state = Some(context.state().as_str()).filter(|state| !state.is_empty());
    carrier.get_all(TRACEPARENT).eq([&parent.to_bytes()[..]])
        && carrier.get_all(TRACESTATE).eq(state.map(str::as_bytes))
}
