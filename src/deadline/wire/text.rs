//! What is written to a field.

use std::fmt;

/// Nineteen digits and a unit.
const LENGTH: usize = 20;

/// The value of a field that says how much time is left, made by [`Format::encode`](super::Format::encode).
/// It is ASCII, and lies where it stands: making one does not allocate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text {
    bytes: [u8; LENGTH],
    start: usize,
}

impl Text {
    pub(super) fn new(number: u64, unit: Option<u8>) -> Self {
        let mut text = Self {
            bytes: [b'0'; LENGTH],
            start: LENGTH,
        };
        if let Some(unit) = unit {
            text.prepend(unit);
        }
        let mut rest = number;
        loop {
            let digit = u8::try_from(rest % 10).unwrap_or_default();
            text.prepend(b'0'.saturating_add(digit));
            rest /= 10;
            if rest == 0 {
                return text;
            }
        }
    }

    /// The formats say no more than fits.
    fn prepend(&mut self, byte: u8) {
        self.start = self.start.saturating_sub(1);
        if let Some(place) = self.bytes.get_mut(self.start) {
            *place = byte;
        }
    }

    /// The value.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_bytes().escape_ascii().to_string())
    }
}
