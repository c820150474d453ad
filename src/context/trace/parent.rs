//! `traceparent`, to and from its bytes.

use super::{SpanId, TraceFlags, TraceId, id};

/// The length of version 00, which is what is sent, and the least of any other version.
const LENGTH: usize = 55;

/// What a `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) flags: TraceFlags,
}

impl Parent {
    /// Reads the value of a field, of version 00 or any later one; `None` when it is malformed.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let (head, rest) = trim(value).split_first_chunk::<LENGTH>()?;
        if [head[2], head[35], head[52]] != [b'-'; 3] {
            return None;
        }
        match (id::decode(&head[..2])?, rest) {
            ([0xff], _) => return None,
            // A later version may say more, behind a further dash.
            (_, []) => {}
            ([0], _) => return None,
            (_, [b'-', ..]) => {}
            _ => return None,
        }
        let [flags] = id::decode(&head[53..])?;
        Some(Self {
            trace_id: TraceId::from_bytes(id::decode(&head[3..35])?)?,
            span_id: SpanId::from_bytes(id::decode(&head[36..52])?)?,
            flags: TraceFlags::from_bits(flags),
        })
    }

    /// The value of the field, of version 00.
    pub(crate) fn to_bytes(self) -> [u8; LENGTH] {
        let mut value = [b'-'; LENGTH];
        id::encode(&[0], &mut value[..2]);
        id::encode(&self.trace_id.to_bytes(), &mut value[3..35]);
        id::encode(&self.span_id.to_bytes(), &mut value[36..52]);
        id::encode(&[self.flags.bits()], &mut value[53..]);
        value
    }
}

/// Without the white space that HTTP allows around a value: spaces and tabs.
pub(crate) fn trim(value: &[u8]) -> &[u8] {
    let mut value = value;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
