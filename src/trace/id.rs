//! The two kinds of identifiers.

use std::fmt;

use crate::rng::Rng;

/// The identifier of a whole trace: 16 bytes, not all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

/// The identifier of one call within a trace, `parent-id` on the wire: 8 bytes, not all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId([u8; 8]);

impl TraceId {
    /// `None` when all bytes are zero.
    pub const fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        if u128::from_ne_bytes(bytes) == 0 {
            return None;
        }
        Some(Self(bytes))
    }

    /// The bytes, in the order of the wire.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// A new random one.
    pub fn random(rng: &Rng) -> Self {
        loop {
            let bits = (u128::from(rng.bits()) << 64) | u128::from(rng.bits());
            if let Some(id) = Self::from_bytes(bits.to_be_bytes()) {
                return id;
            }
        }
    }
}

impl SpanId {
    /// `None` when all bytes are zero.
    pub const fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        if u64::from_ne_bytes(bytes) == 0 {
            return None;
        }
        Some(Self(bytes))
    }

    /// The bytes, in the order of the wire.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0
    }

    /// A new random one.
    pub fn random(rng: &Rng) -> Self {
        loop {
            if let Some(id) = Self::from_bytes(rng.bits().to_be_bytes()) {
                return id;
            }
        }
    }
}

/// Lower-case hexadecimal.
impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Lower-case hexadecimal.
impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
