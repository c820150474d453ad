//! A `traceparent` of any bytes: read as a model reads it, and written so that it is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay::context::{Carrier, Field};
use mainstay::trace::{TraceContext, TraceFlags};

/// The fields of a `traceparent`, one for each part of the input.
struct Message(Vec<Vec<u8>>);

impl Carrier for Message {
    fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        let is_parent = field.name() == "traceparent";
        let values = self.0.iter().filter(move |_| is_parent);
        values.map(Vec::as_slice)
    }

    fn set(&mut self, field: Field, value: &[u8]) {
        assert_eq!(field.name(), "traceparent");
        self.0 = vec![value.to_vec()];
    }

    fn remove(&mut self, field: Field) {
        assert_eq!(field.name(), "tracestate", "there is none to write");
    }
}

/// The grammar, written as naively as it reads.
fn is_valid(value: &[u8]) -> bool {
    let is_space = |byte: &u8| [b' ', b'\t'].contains(byte);
    let Some(first) = value.iter().position(|byte| !is_space(byte)) else {
        return false;
    };
    let last = value.iter().rposition(|byte| !is_space(byte)).unwrap();
    let value = &value[first..=last];
    let is_hex = |part: &[u8]| part.iter().all(|byte| b"0123456789abcdef".contains(byte));
    let is_zero = |part: &[u8]| part.iter().all(|byte| *byte == b'0');
    value.len() >= 55
        && [value[2], value[35], value[52]] == [b'-'; 3]
        && [&value[..2], &value[3..35], &value[36..52], &value[53..55]]
            .into_iter()
            .all(is_hex)
        && &value[..2] != b"ff"
        && !is_zero(&value[3..35])
        && !is_zero(&value[36..52])
        && (value.len() == 55 || (&value[..2] != b"00" && value[55] == b'-'))
}

fuzz_target!(|input: &[u8]| {
    let fields: Vec<_> = input
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let mut message = Message(fields);
    let context = TraceContext::extract(&message);
    let is_expected = message.0.len() == 1 && is_valid(&message.0[0]);
    assert_eq!(context.is_some(), is_expected);
    let Some(context) = context else { return };

    assert_eq!(
        TraceFlags::from_bits(context.flags().bits()),
        context.flags()
    );
    context.inject(&mut message);
    let written = message.0[0].clone();
    assert_eq!(written.len(), 55);
    assert_eq!(&written[..3], b"00-");
    let first = input
        .iter()
        .position(|byte| ![b' ', b'\t'].contains(byte))
        .unwrap();
    assert_eq!(written[3..53], input[first..][3..53]);
    assert_eq!(context.to_string().as_bytes(), written);
    assert_eq!(TraceContext::extract(&message), Some(context));
});
