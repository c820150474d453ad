//! The two kinds of identifiers, and the hexadecimal of the wire.

use std::fmt;
use std::str::FromStr;

use crate::error::ConfigError;
use crate::rng::Rng;

/// The identifier of a whole trace: 16 bytes, not all zero.
///
/// Its text, read and written, is 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

/// The identifier of one call within a trace, `parent-id` on the wire: 8 bytes, not all zero.
///
/// Its text, read and written, is 16 lower-case hexadecimal digits.
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

    /// The identifier of a system whose own have 8 bytes, with zeros to its left; `None` for zero.
    ///
    /// Leave the random flag of its context unset: the flag says that the 7 right-most bytes are random,
    /// and what made these is not known.
    pub const fn from_u64(id: u64) -> Option<Self> {
        // A widening, and `From` is not const.
        Self::from_bytes((id as u128).to_be_bytes())
    }

    /// The bytes, in the order of the wire.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// A new random one.
    pub fn random(rng: &Rng) -> Self {
        loop {
            let bits = u128::from(rng.bits()).rotate_left(64) | u128::from(rng.bits());
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

impl FromStr for TraceId {
    type Err = ConfigError;

    fn from_str(digits: &str) -> Result<Self, ConfigError> {
        let allowed = "32 lower-case hexadecimal digits, not all zero";
        let id = decode(digits.as_bytes()).and_then(Self::from_bytes);
        id.ok_or_else(|| ConfigError::new("trace id", digits, allowed))
    }
}

impl FromStr for SpanId {
    type Err = ConfigError;

    fn from_str(digits: &str) -> Result<Self, ConfigError> {
        let allowed = "16 lower-case hexadecimal digits, not all zero";
        let id = decode(digits.as_bytes()).and_then(Self::from_bytes);
        id.ok_or_else(|| ConfigError::new("span id", digits, allowed))
    }
}

/// The bytes of exactly `2 * N` lower-case digits.
///
/// By hand, for `from_str_radix` takes a sign, upper-case digits and too few of them.
pub(super) fn decode<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let pairs = digits.chunks_exact(2);
    if pairs.len() != N || !pairs.remainder().is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let &[high, low] = pair else { return None };
        *byte = (value(high)? << 4) | value(low)?;
    }
    Some(bytes)
}

/// Writes two lower-case digits for each byte.
pub(super) fn encode(bytes: &[u8], digits: &mut [u8]) {
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = pair {
            (*high, *low) = (digit(byte >> 4), digit(byte & 0xf));
        }
    }
}

const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit & 0xf),
        b'a'..=b'f' => Some((digit & 0xf).wrapping_add(9)),
        _ => None,
    }
}

const fn digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' | value,
        _ => value.wrapping_add(b'a' - 10),
    }
}
