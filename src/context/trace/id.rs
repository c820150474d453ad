//! The two kinds of identifiers, and the hexadecimal of the wire.

use std::fmt;
use std::num::NonZeroU64;
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
pub struct SpanId(NonZeroU64);

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
        match NonZeroU64::new(u64::from_be_bytes(bytes)) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The bytes, in the order of the wire.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.get().to_be_bytes()
    }

    /// A new random one.
    pub fn random(rng: &Rng) -> Self {
        loop {
            if let Some(id) = NonZeroU64::new(rng.bits()) {
                return Self(id);
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
        write!(f, "{:016x}", self.0)
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
        let id = digits.as_bytes().try_into().ok().and_then(decode::<16, 32>);
        let id = id.and_then(Self::from_bytes);
        id.ok_or_else(|| ConfigError::new("trace id", digits, allowed))
    }
}

impl FromStr for SpanId {
    type Err = ConfigError;

    fn from_str(digits: &str) -> Result<Self, ConfigError> {
        let allowed = "16 lower-case hexadecimal digits, not all zero";
        let id = digits.as_bytes().try_into().ok().and_then(decode::<8, 16>);
        let id = id.and_then(Self::from_bytes);
        id.ok_or_else(|| ConfigError::new("span id", digits, allowed))
    }
}

/// The bytes of lower-case digits, two for each.
///
/// By hand, for `from_str_radix` takes a sign, upper-case digits and too few of them. The loops go to their
/// end whatever they see, and so take sixteen digits at a time.
#[inline]
pub(super) fn decode<const N: usize, const DIGITS: usize>(
    digits: &[u8; DIGITS],
) -> Option<[u8; N]> {
    const { assert!(DIGITS == 2 * N) };
    let (mut values, mut seen) = ([0; DIGITS], 0);
    for (value, digit) in values.iter_mut().zip(digits) {
        *value = value_of(*digit);
        seen |= *value;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(values.chunks_exact(2)) {
        if let [high, low] = pair {
            *byte = (high << 4) | low;
        }
    }
    (seen <= 0xf).then_some(bytes)
}

/// Those of both ids. Apart, for among other code the compiler takes the loops apart again.
#[inline(never)]
pub(super) fn decode_ids(digits: &[u8; 48]) -> Option<[u8; 24]> {
    decode(digits)
}

/// Two lower-case digits for each byte; apart for the same reason.
#[inline(never)]
pub(super) fn encode<const N: usize, const DIGITS: usize>(bytes: &[u8; N]) -> [u8; DIGITS] {
    const { assert!(DIGITS == 2 * N) };
    let mut digits = [0; DIGITS];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        // Both halves in one word, which is what the processor has a shift for.
        let byte = u16::from(*byte);
        let halves = (byte >> 4) | ((byte & 0xf) << 8);
        pair.copy_from_slice(&halves.to_le_bytes());
    }
    for digit in &mut digits {
        *digit = digit_of(*digit);
    }
    digits
}

/// What a digit stands for; more than 15 when it is none.
const fn value_of(digit: u8) -> u8 {
    let (number, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
    if number <= 9 {
        number
    } else if letter <= 5 {
        letter.wrapping_add(10)
    } else {
        u8::MAX
    }
}

const fn digit_of(value: u8) -> u8 {
    let zero = if value <= 9 { b'0' } else { b'a' - 10 };
    zero.wrapping_add(value)
}
