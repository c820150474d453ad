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
    #[inline]
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let (head, rest) = trim(value).split_first_chunk::<LENGTH>()?;
        if [head[2], head[35], head[52]] != [b'-'; 3] {
            return None;
        }
        let [version] = id::decode(&[head[0], head[1]])?;
        match (version, rest) {
            (0xff, _) => return None,
            // A later version may say more, behind a further dash.
            (_, []) => {}
            (0, _) => return None,
            (_, [b'-', ..]) => {}
            _ => return None,
        }
        let [flags] = id::decode(&[head[53], head[54]])?;
        // Those of both ids at once take little longer than those of one.
        let mut digits = [0; 48];
        digits[..32].copy_from_slice(&head[3..35]);
        digits[32..].copy_from_slice(&head[36..52]);
        let ids: [u8; 24] = id::decode_ids(&digits)?;
        let (trace_id, span_id) = ids.split_first_chunk()?;
        Some(Self {
            trace_id: TraceId::from_bytes(*trace_id)?,
            span_id: SpanId::from_bytes(*span_id.first_chunk()?)?,
            flags: TraceFlags::from_bits(flags),
        })
    }

    /// Whether the value that this was read from is the one that it is written as: nothing is around it, and the
    /// version and the flags are ours. What else may differ could not have been read.
    pub(crate) fn is_written_as(self, value: &[u8]) -> bool {
        let known = self.flag_digit();
        matches!(value, [b'0', b'0', .., b'0', flags] if *flags == known)
    }

    /// What is known of the flags fits into one digit, behind a zero.
    const fn flag_digit(self) -> u8 {
        b'0' | self.flags.bits()
    }

    /// The value of the field, of version 00.
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; LENGTH] {
        let mut ids = [0; 24];
        ids[..16].copy_from_slice(&self.trace_id.to_bytes());
        ids[16..].copy_from_slice(&self.span_id.to_bytes());
        let digits: [u8; 48] = id::encode(&ids);
        let mut value = [b'-'; LENGTH];
        value[..2].copy_from_slice(b"00");
        value[3..35].copy_from_slice(&digits[..32]);
        value[36..52].copy_from_slice(&digits[32..]);
        [value[53], value[54]] = [b'0', self.flag_digit()];
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
