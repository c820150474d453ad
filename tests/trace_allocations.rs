//! What it costs the allocator to read a context and to write one.

use std::future::ready;

use allocation_counter::measure;
use futures::FutureExt as _;
use mainstay::Rng;
use mainstay::context::{Carrier, Field};
use mainstay::trace::{TraceClientLayer, TraceContext, TraceServerLayer};
use tower::{Layer as _, Service as _};

const PARENT: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A field in place, as a protocol with frames of fixed size has it.
struct Slot {
    name: &'static str,
    bytes: [u8; 512],
    length: usize,
}

/// A message with room for two fields.
struct Frame([Slot; 2]);

impl Frame {
    fn new(parent: &[u8], state: &[u8]) -> Self {
        let slot = |name| Slot {
            name,
            bytes: [0; 512],
            length: 0,
        };
        let mut frame = Self([slot("traceparent"), slot("tracestate")]);
        frame.set(Field::new("traceparent").unwrap(), parent);
        frame.set(Field::new("tracestate").unwrap(), state);
        frame
    }
}

impl Carrier for Frame {
    fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        let used = self.0.iter().filter(|slot| slot.length > 0);
        let named = used.filter(move |slot| slot.name == field.name());
        named.map(|slot| &slot.bytes[..slot.length])
    }

    fn set(&mut self, field: Field, value: &[u8]) {
        let mut slots = self.0.iter_mut();
        let slot = slots.find(|slot| slot.name == field.name()).unwrap();
        slot.bytes[..value.len()].copy_from_slice(value);
        slot.length = value.len();
    }

    fn remove(&mut self, field: Field) {
        let mut slots = self.0.iter_mut();
        slots.find(|slot| slot.name == field.name()).unwrap().length = 0;
    }
}

/// How often a hop allocates: it reads its caller's context, makes one for a call and writes that.
fn hop<C: Carrier>(inbound: &C, outbound: &mut C) -> u64 {
    let rng = Rng::thread();
    // The thread's generator is made at its first use.
    rng.bits();
    let mut caller = None;
    let measured = measure(|| {
        let read = TraceContext::extract(inbound).expect("the parent is valid");
        read.child(&rng).inject(outbound);
        caller = Some(read);
    });
    let (caller, call) = (caller.unwrap(), TraceContext::extract(outbound).unwrap());
    assert_eq!(call.trace_id(), caller.trace_id());
    assert_ne!(call.span_id(), caller.span_id());
    assert_eq!(call.state(), caller.state());
    measured.count_total
}

#[test]
fn without_a_state_a_hop_allocates_nothing() {
    let inbound = Frame::new(PARENT, b"");
    assert_eq!(hop(&inbound, &mut Frame::new(b"", b"")), 0);
}

/// The list itself; whoever clones the context shares it.
#[test]
fn with_a_state_a_hop_allocates_once() {
    let state: &[u8] = b"congo=t61rcWkgMzE, rojo=00f067aa0ba902b7,,foo@bar= 1";
    let inbound = Frame::new(PARENT, state);
    let mut outbound = Frame::new(b"", b"");
    assert_eq!(hop(&inbound, &mut outbound), 1);
    let written = outbound.get_all(Field::new("tracestate").unwrap()).next();
    assert_eq!(
        written,
        Some(&b"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7,foo@bar= 1"[..])
    );
}

#[test]
fn what_is_refused_allocates_nothing() {
    let flood = b",".repeat(500);
    let states: [&[u8]; 3] = [b"congo=t61rcWkgMzE,ROJO=1", b"a", &flood];
    for state in states {
        let inbound = Frame::new(PARENT, state);
        assert_eq!(hop(&inbound, &mut Frame::new(b"", b"")), 0);
    }
    let upper = PARENT.to_ascii_uppercase();
    let inbound = Frame::new(&upper, b"a=1");
    let measured = measure(|| assert!(TraceContext::extract(&inbound).is_none()));
    assert_eq!(measured.count_total, 0);
}

/// `http::HeaderValue` owns its bytes on the heap, for it has no room of its own for 55. So each field
/// that is written costs one, and nobody who writes a `traceparent` into a `HeaderMap` can do with less.
#[test]
fn over_headers_each_field_that_is_written_costs_one_more() {
    let headers = || {
        let mut headers = http::HeaderMap::with_capacity(8);
        headers.insert("host", http::HeaderValue::from_static("stock"));
        headers
    };
    let mut inbound = headers();
    inbound.insert(
        "traceparent",
        http::HeaderValue::from_bytes(PARENT).unwrap(),
    );
    assert_eq!(hop(&inbound, &mut headers()), 1);
    inbound.insert("tracestate", http::HeaderValue::from_static("a=1,b=2"));
    assert_eq!(hop(&inbound, &mut headers()), 3, "the list, and two fields");
}

/// Three are what a value in empty extensions costs: their map, its table and the value.
#[test]
fn the_layers_allocate_the_field_and_what_is_attached() {
    for (attaches, allocations) in [(true, 4), (false, 1)] {
        let service = tower::service_fn(|request: http::Request<()>| ready(Ok::<_, ()>(request)));
        let client = TraceClientLayer::new("out").layer(service);
        let server = TraceServerLayer::new("in").attach(attaches);
        let mut service = server.layer(client);
        let mut ask = || {
            let mut request = http::Request::new(());
            let parent = http::HeaderValue::from_bytes(PARENT).unwrap();
            request.headers_mut().insert("traceparent", parent);
            let mut answer = None;
            let measured = measure(|| answer = service.call(request).now_or_never());
            let sent = answer.unwrap().unwrap();
            assert!(TraceContext::extract(sent.headers()).is_some());
            measured.count_total
        };
        // What a thread has once is made at its first call.
        ask();
        assert_eq!(ask(), allocations, "attaches: {attaches}");
    }
}

#[test]
fn text_is_written_without_an_allocation() {
    use std::fmt::Write as _;
    let context: TraceContext = std::str::from_utf8(PARENT).unwrap().parse().unwrap();
    let mut text = String::with_capacity(128);
    let measured = measure(|| {
        write!(
            text,
            "{context}/{}/{:?}",
            context.trace_id(),
            context.span_id()
        )
        .unwrap();
    });
    assert_eq!(measured.count_total, 0);
    assert!(text.as_bytes().starts_with(PARENT));
}
