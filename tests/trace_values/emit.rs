//! What is written, and what a context passes on: E1 to E9.

use std::collections::HashSet;

use mainstay::Rng;
use mainstay::trace::{SpanId, TraceContext, TraceFlags, TraceId, TraceState};
use proptest::prelude::*;

use crate::kit::{Message, PARENT, SPAN, TRACE};

fn context(flags: &str) -> TraceContext {
    let parent = format!("00-{TRACE}-{SPAN}-{flags}");
    Message::parent(parent).context().unwrap()
}

#[test]
fn e1_one_of_each_field_is_written_whatever_was_there() {
    let mut message = Message::parent("junk")
        .with("traceparent", PARENT)
        .with("tracestate", "a=1")
        .with("tracestate", "b=2")
        .with("other", "1");
    let context = Message::state("c=3, d=4,,").context().unwrap();
    context.inject(&mut message);
    assert_eq!(message.values("traceparent"), [PARENT]);
    assert_eq!(message.values("tracestate"), ["c=3,d=4"]);
    assert_eq!(message.values("other"), ["1"]);
    assert_eq!(message.context(), Some(context));

    let bare = Message::parent(PARENT).context().unwrap();
    bare.inject(&mut message);
    assert_eq!(message.values("traceparent"), [PARENT]);
    assert!(
        message.values("tracestate").is_empty(),
        "S4: an empty one is not sent"
    );
}

#[test]
fn e1_every_child_has_an_id_of_its_own_in_the_same_trace() {
    let rng = Rng::thread();
    let caller = Message::state("a=1").context().unwrap();
    let mut seen = HashSet::from([caller.span_id()]);
    for _ in 0..1000 {
        let child = caller.child(&rng);
        assert!(seen.insert(child.span_id()));
        let expected = TraceContext::new(caller.trace_id(), child.span_id(), caller.flags());
        assert_eq!(child, expected.with_state(caller.state().clone()));
    }
}

#[test]
fn e2_every_root_is_another_trace_and_its_children_share_it() {
    let rng = Rng::thread();
    let roots: Vec<_> = (0..1000).map(|_| TraceContext::root(&rng)).collect();
    let traces: HashSet<_> = roots.iter().map(TraceContext::trace_id).collect();
    let spans: HashSet<_> = roots.iter().map(TraceContext::span_id).collect();
    assert_eq!((traces.len(), spans.len()), (1000, 1000));
    let root = &roots[0];
    assert!(root.state().is_empty());
    assert_eq!(root.child(&rng).trace_id(), root.child(&rng).trace_id());
}

#[test]
fn e3_unknown_flags_are_never_sent() {
    for bits in 0..=u8::MAX {
        let known = bits & 3;
        let read = context(&format!("{bits:02x}"));
        let sent = read.child(&Rng::thread()).to_string();
        assert!(
            sent.ends_with(&format!("-{known:02x}")),
            "continued {bits:02x}: {sent}"
        );
        let root = TraceContext::root(&Rng::thread()).with_flags(TraceFlags::from_bits(bits));
        assert!(
            root.to_string().ends_with(&format!("-{known:02x}")),
            "a root {bits:02x}"
        );
        assert_eq!(TraceFlags::from_bits(bits).bits(), known);
    }
}

#[test]
fn e3_a_flag_is_changed_without_the_other() {
    let flags = TraceFlags::default();
    assert_eq!(flags.bits(), 0);
    assert_eq!(flags.sampled(true).bits(), 1);
    assert_eq!(flags.random(true).bits(), 2);
    assert_eq!(flags.sampled(true).random(true).bits(), 3);
    let both = TraceFlags::from_bits(3);
    assert!(both.is_sampled() && both.is_random());
    assert_eq!(both.sampled(false), flags.random(true));
    assert_eq!(both.random(false), flags.sampled(true));
    assert!(!both.sampled(false).is_sampled() && !both.random(false).is_random());
    assert_eq!(both.sampled(true).random(true), both);
}

#[test]
fn e4_random_is_copied_set_or_not_and_a_root_sets_it() {
    let rng = Rng::thread();
    for (flags, random) in [("00", false), ("01", false), ("02", true), ("03", true)] {
        let caller = context(flags);
        assert_eq!(caller.flags().is_random(), random, "{flags}");
        assert_eq!(caller.child(&rng).flags(), caller.flags(), "{flags}");
    }
    assert!(TraceContext::root(&rng).flags().is_random());
    // The 7 right-most bytes of a root's trace are random: over many roots each of their bits is
    // seen both ways.
    let (mut ones, mut zeros) = (0_u128, 0_u128);
    for _ in 0..200 {
        let id = u128::from_be_bytes(TraceId::random(&rng).to_bytes());
        (ones, zeros) = (ones | id, zeros | !id);
    }
    assert_eq!((ones, zeros), (u128::MAX, u128::MAX));
}

#[test]
fn e5_sampled_is_copied_and_a_root_without_a_decision_is_not_sampled() {
    let rng = Rng::thread();
    assert!(context("01").child(&rng).flags().is_sampled());
    assert!(!context("02").child(&rng).flags().is_sampled());
    assert!(!TraceContext::root(&rng).flags().is_sampled());
}

#[test]
fn e6_a_later_version_is_sent_as_version_00() {
    let mut message = Message::parent(format!("cc{}-more", &PARENT[2..]));
    message.context().unwrap().inject(&mut message);
    assert_eq!(message.values("traceparent"), [PARENT]);
}

#[test]
fn e7_what_is_passed_on_unchanged_keeps_its_state() {
    let list = "b= 2,a=1";
    let context = Message::state(list).context().unwrap();
    let mut onward = Message::default();
    context.inject(&mut onward);
    assert_eq!(onward.values("traceparent"), [PARENT]);
    assert_eq!(onward.values("tracestate"), [list]);
}

#[test]
fn e9_ids_are_not_zero_and_short_ones_are_padded_on_the_left() {
    assert_eq!(TraceId::from_bytes([0; 16]), None);
    assert_eq!(SpanId::from_bytes([0; 8]), None);
    assert_eq!(TraceId::from_u64(0), None);
    let id = TraceId::from_u64(0x0af7_6519_16cd_43dd).unwrap();
    assert_eq!(id.to_string(), "00000000000000000af7651916cd43dd");
    for id in [1, u64::MAX] {
        let bytes = TraceId::from_u64(id).unwrap().to_bytes();
        assert_eq!(u128::from_be_bytes(bytes), u128::from(id));
    }
}

#[test]
fn ids_are_read_and_written_as_lower_case_digits() {
    let trace: TraceId = TRACE.parse().unwrap();
    let span: SpanId = SPAN.parse().unwrap();
    assert_eq!(
        (trace.to_string(), span.to_string()),
        (TRACE.to_owned(), SPAN.to_owned())
    );
    assert_eq!(
        (format!("{trace:?}"), format!("{span:?}")),
        (TRACE.to_owned(), SPAN.to_owned())
    );
    assert_eq!(TraceId::from_bytes(trace.to_bytes()), Some(trace));
    assert_eq!(SpanId::from_bytes(span.to_bytes()), Some(span));
    let zeros = "0".repeat(32);
    let upper = TRACE.to_uppercase();
    let invalid = [
        "",
        "0",
        SPAN,
        &TRACE[1..],
        &format!("0{TRACE}"),
        &zeros,
        &upper,
        &"+".repeat(32),
    ];
    for digits in invalid {
        let error = digits.parse::<TraceId>().unwrap_err();
        assert_eq!(error.field(), "trace id", "{digits:?}");
    }
    let invalid = [
        "",
        "0",
        TRACE,
        &SPAN[1..],
        &format!("0{SPAN}"),
        &zeros[..16],
        &upper[..16],
        "b7ad6b716920333.",
    ];
    for digits in invalid {
        let error = digits.parse::<SpanId>().unwrap_err();
        assert_eq!(error.field(), "span id", "{digits:?}");
    }
}

#[test]
fn a_map_of_headers_that_is_full_takes_no_context_and_does_not_panic() {
    let mut headers = http::HeaderMap::new();
    for number in 0..u32::MAX {
        let name = http::HeaderName::try_from(format!("x-{number}")).unwrap();
        if headers.try_append(name, number.into()).is_err() {
            break;
        }
    }
    let full = headers.len();
    Message::state("a=1")
        .context()
        .unwrap()
        .inject(&mut headers);
    assert_eq!(headers.len(), full);
}

/// A state without a parent would say nothing.
#[test]
fn a_map_of_headers_with_room_for_one_takes_the_parent() {
    let mut headers = http::HeaderMap::new();
    for number in 0..u32::MAX {
        let name = http::HeaderName::try_from(format!("x-{number}")).unwrap();
        if headers.try_append(name, number.into()).is_err() {
            break;
        }
    }
    headers.remove("x-0");
    let context = Message::state("a=1").context().unwrap();
    context.inject(&mut headers);
    let sent = TraceContext::extract(&headers).expect("the parent is there");
    assert_eq!(sent.span_id(), context.span_id());
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        trace in 1..=u128::MAX,
        span in 1..=u64::MAX,
        bits in 0..4_u8,
        keys in proptest::collection::vec("[a-z0-9][a-z0-9_*/@-]{0,9}", 0..8),
    ) {
        let trace = TraceId::from_bytes(trace.to_be_bytes()).unwrap();
        let span = SpanId::from_bytes(span.to_be_bytes()).unwrap();
        let mut state = TraceState::default();
        for key in &keys {
            state.insert(key, key).unwrap();
        }
        let context = TraceContext::new(trace, span, TraceFlags::from_bits(bits)).with_state(state);
        let (mut message, mut headers) = (Message::default(), http::HeaderMap::new());
        context.inject(&mut message);
        context.inject(&mut headers);
        prop_assert_eq!(message.values("traceparent"), [context.to_string()]);
        prop_assert_eq!(message.context(), Some(context.clone()));
        prop_assert_eq!(TraceContext::extract(&headers), Some(context));
        prop_assert_eq!(trace.to_string().parse(), Ok(trace));
        prop_assert_eq!(span.to_string().parse(), Ok(span));
    }
}
