//! What is made of the context that a peer sent.
//!
//! # Invariants
//! - I1: a peer's context goes on as it is, unless a boundary gives it up; only then, or where there is
//!   none that is valid, does a trace begin.
//! - I2: of a context that was given up nothing goes on but its tracestate, where that was asked for.
//! - I3: a sampler is asked for roots alone.

use crate::rng::Rng;

use super::{Boundary, Origin, Sampler, TraceContext};
use crate::context::{Extracted, ParentFound};

/// What is made of what came.
pub(super) struct Received {
    pub(super) context: TraceContext,
    pub(super) origin: Origin,
    /// Whether the request says this already, and nothing else.
    pub(super) is_said: bool,
}

/// The context of a request that came.
pub(super) fn receive<M: Sampler>(
    came: Extracted,
    boundary: Boundary,
    sampler: &M,
    rng: &Rng,
) -> Received {
    let new = |context, origin| Received {
        context,
        origin,
        is_said: false,
    };
    let origin = origin(&came);
    let Some(peer) = came.context else {
        let begun = root(sampler, None, rng);
        return new(begun, origin.unwrap_or(Origin::Minted));
    };
    let restarted = match boundary {
        Boundary::Continue => {
            return Received {
                context: peer,
                origin: Origin::Continued,
                is_said: came.is_canonical,
            };
        }
        Boundary::Restart => root(sampler, Some(&peer), rng),
        Boundary::RestartKeepState => {
            root(sampler, Some(&peer), rng).with_state(peer.state().clone())
        }
    };
    new(restarted, Origin::Restarted)
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
    let is_recorded = sampler.sample(&root, replaced);
    let flags = root.flags().sampled(is_recorded);
    root.with_flags(flags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Carrier, Field, TRACEPARENT, TRACESTATE};
    use crate::telemetry::Scope;
    use crate::trace::normalize::normalize;
    use crate::trace::origin::Contexts;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// Fields, and how often one was set.
    #[derive(Default)]
    struct Counting {
        fields: Vec<(Field, Vec<u8>)>,
        sets: usize,
    }

    impl Counting {
        fn with(mut self, field: Field, value: &str) -> Self {
            self.fields.push((field, value.into()));
            self
        }
    }

    impl Carrier for Counting {
        fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
            let named = self.fields.iter().filter(move |(name, _)| *name == field);
            named.map(|(_, value)| value.as_slice())
        }

        fn set(&mut self, field: Field, value: &[u8]) {
            self.remove(field);
            self.fields.push((field, value.to_vec()));
            self.sets += 1;
        }

        fn remove(&mut self, field: Field) {
            self.fields.retain(|(name, _)| *name != field);
        }
    }

    /// How often a field was set to make a message say its own context; which it then does.
    fn sets(mut message: Counting) -> usize {
        let context = TraceContext::extract(&message);
        let scope = Scope::new("trace_normalize", "n".into());
        normalize(&mut message, 512, &Contexts::new(&scope, &[]));
        let after = TraceContext::read(&message, 512);
        assert!(after.is_canonical && after.context == context);
        let parent = context.unwrap().parent().to_bytes();
        assert!(message.get_all(TRACEPARENT).eq([&parent[..]]));
        message.sets
    }

    #[test]
    fn what_is_canonical_is_not_written_again_and_all_else_is() {
        let valid = || Counting::default().with(TRACEPARENT, PARENT);
        assert_eq!(sets(valid()), 0);
        assert_eq!(sets(valid().with(TRACESTATE, "a=1,b=2")), 0);

        for flags in ["00", "01", "02", "03"] {
            let parent = PARENT.replace("-01", &format!("-{flags}"));
            assert_eq!(sets(Counting::default().with(TRACEPARENT, &parent)), 0);
        }
        for parent in [
            format!("{PARENT} "),
            format!("\t{PARENT}"),
            PARENT.replacen("00", "cc", 1),
            PARENT.replacen("00", "cc", 1) + "-more",
            PARENT.replace("-01", "-05"),
            PARENT.replace("-01", "-11"),
            PARENT.replace("-01", "-f1"),
        ] {
            let odd = Counting::default().with(TRACEPARENT, &parent);
            assert_eq!(sets(odd), 1, "{parent}");
        }
        assert_eq!(sets(valid().with(TRACESTATE, "")), 1);
        assert_eq!(sets(valid().with(TRACESTATE, "A=1")), 1);
        assert_eq!(sets(valid().with(TRACESTATE, "a=1, b=2")), 2);
        assert_eq!(
            sets(valid().with(TRACESTATE, "a=1").with(TRACESTATE, "b=2")),
            2
        );
    }

    fn came(parent: &str) -> Extracted {
        let message = Counting::default()
            .with(TRACEPARENT, parent)
            .with(TRACESTATE, "a=1");
        TraceContext::read(&message, 512)
    }

    fn never(_: &TraceContext, _: Option<&TraceContext>) -> bool {
        panic!("it is no root")
    }

    #[test]
    fn i1_and_i3_a_peer_s_context_goes_on_and_no_sampler_is_asked() {
        let received = receive(came(PARENT), Boundary::Continue, &never, &Rng::thread());
        assert_eq!(received.origin, Origin::Continued);
        assert!(received.is_said);
        assert_eq!(received.context.to_string(), PARENT);
        assert_eq!(received.context.state().as_str(), "a=1");
    }

    #[test]
    fn i2_of_what_is_given_up_only_the_state_goes_on_where_asked() {
        for (boundary, state) in [(Boundary::Restart, ""), (Boundary::RestartKeepState, "a=1")] {
            let peer: TraceContext = PARENT.parse().unwrap();
            let given_up = |root: &TraceContext, replaced: Option<&TraceContext>| {
                assert_ne!(root.trace_id(), peer.trace_id());
                assert_eq!(replaced.map(TraceContext::span_id), Some(peer.span_id()));
                false
            };
            let received = receive(came(PARENT), boundary, &given_up, &Rng::thread());
            assert_eq!(received.origin, Origin::Restarted);
            assert!(!received.is_said);
            let context = received.context;
            assert_ne!(context.span_id(), peer.span_id());
            assert_eq!(context.flags().bits(), 0b10);
            assert_eq!(context.state().as_str(), state);

            let unknown = |_: &TraceContext, replaced: Option<&TraceContext>| replaced.is_none();
            let received = receive(came("x"), boundary, &unknown, &Rng::thread());
            assert_eq!(received.origin, Origin::Malformed);
            assert!(!received.is_said);
            let context = received.context;
            assert!(context.flags().is_sampled() && context.state().is_empty());
        }
    }
}
