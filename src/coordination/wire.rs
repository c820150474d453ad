//! How leases look on the wire.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::Incarnation;

/// Of a 128-bit number in hexadecimal, with its leading zeros.
const DIGITS: usize = 32;

/// A string of 32 hexadecimal digits in lower case: few formats have numbers of 128 bits.
impl Serialize for Incarnation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Incarnation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Digits)
    }
}

struct Digits;

impl Visitor<'_> for Digits {
    type Value = Incarnation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DIGITS} hexadecimal digits in lower case")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Incarnation, E> {
        let is_plain = text.len() == DIGITS
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = is_plain.then(|| u128::from_str_radix(text, 16).ok());
        match number.flatten() {
            Some(number) => Ok(Incarnation(number)),
            // What a peer sent is not said again: it may be long.
            None => Err(E::invalid_value(
                de::Unexpected::Other("another string"),
                &self,
            )),
        }
    }
}

/// A value that may be null and may not be left out: what a peer has forgotten to say is not what it has
/// said that there is none of.
pub(super) fn said<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer)
}

#[cfg(test)]
mod tests;
