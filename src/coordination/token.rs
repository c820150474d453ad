//! The number of a term.

use std::error::Error as StdError;
use std::fmt;
use std::io::Write as _;
use std::num::NonZeroU64;
use std::str::FromStr;

use crate::context::{Carrier, Field};

/// The number of a leader's term. A later term has a larger one, so a resource that has seen it can
/// refuse whatever an earlier leader still sends.
///
/// As text it is the number in plain decimal digits, and nothing else is read: no sign, no blank, no
/// leading zero. So a term has one form, which can be compared as it is.
///
/// ```
/// use mainstay::coordination::FencingToken;
///
/// let token: FencingToken = "7".parse()?;
/// assert_eq!((token.number(), token.to_string()), (7, "7".to_owned()));
/// for not_a_token in ["0", "07", "+7", " 7", "7,7", "18446744073709551616"] {
///     assert!(not_a_token.parse::<FencingToken>().is_err());
/// }
/// # Ok::<(), mainstay::coordination::MalformedToken>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FencingToken(NonZeroU64);

impl FencingToken {
    /// The first that there is.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The field of a message in which it travels: a header of HTTP, a metadata key of gRPC.
    pub const FIELD: Field = Field::known("fencing-token");

    /// `None` for 0, which stands for no term.
    pub const fn from_number(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number, from 1.
    pub const fn number(self) -> u64 {
        self.0.get()
    }

    /// The next, unless there is none: after 2⁶⁴ − 1 terms no other can begin.
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The token that the fields of a message carry, in [`FIELD`](Self::FIELD).
    ///
    /// # Errors
    /// When it is not in the form of text, or there is more than one: nobody knows which counts.
    pub fn read(fields: &impl Carrier) -> Result<Option<Self>, MalformedToken> {
        Self::read_from(fields, Self::FIELD)
    }

    /// Writes it to the fields of a message, in the place of any that was there. A message that has no
    /// room for it says none.
    pub fn write(self, fields: &mut impl Carrier) {
        let mut digits = [0; 20];
        let mut rest = &mut digits[..];
        // As many as 2⁶⁴ − 1 has.
        let _ = write!(rest, "{self}");
        let unused = rest.len();
        let written = digits.len().saturating_sub(unused);
        fields.set(Self::FIELD, digits.get(..written).unwrap_or_default());
    }

    pub(super) fn read_from(
        fields: &impl Carrier,
        field: Field,
    ) -> Result<Option<Self>, MalformedToken> {
        let mut values = fields.get_all(field);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => Self::from_text(value).map(Some),
            (Some(_), Some(_)) => Err(MalformedToken { _private: () }),
        }
    }

    /// From the bytes of its text, as a field has them.
    ///
    /// # Errors
    /// When they are not a number from 1 to 2⁶⁴ − 1 in plain digits.
    pub fn from_text(text: &[u8]) -> Result<Self, MalformedToken> {
        plain_number(text)
            .and_then(Self::from_number)
            .ok_or(MalformedToken { _private: () })
    }
}

/// `0`, or digits that do not begin with it.
pub(super) fn plain_number(digits: &[u8]) -> Option<u64> {
    let is_plain = match digits {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_plain)?;
    digits.parse().ok()
}

impl FromStr for FencingToken {
    type Err = MalformedToken;

    fn from_str(text: &str) -> Result<Self, MalformedToken> {
        Self::from_text(text.as_bytes())
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What was read is no fencing token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedToken {
    _private: (),
}

impl fmt::Display for MalformedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = u64::MAX;
        write!(
            f,
            "a fencing token is one number from 1 to {most} in plain digits"
        )
    }
}

impl StdError for MalformedToken {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_of_a_token_is_read_at_its_edges_and_not_beyond() {
        for number in [1, 9, 10, u64::MAX - 1, u64::MAX] {
            let token = FencingToken::from_number(number).unwrap();
            assert_eq!(number.to_string().parse(), Ok(token));
        }
        let too_long = "1".repeat(1 << 20);
        for text in [
            "",
            "0",
            "00",
            "01",
            "+1",
            "-1",
            "-0",
            " 1",
            "1 ",
            "1\n",
            "\t1",
            "1,1",
            "1, 1",
            "1.0",
            "1e3",
            "0x1",
            "1_000",
            "\"1\"",
            "１",
            "١",
            "NaN",
            "18446744073709551616",
            "99999999999999999999",
            &too_long,
        ] {
            let shown = text.get(..text.len().min(20));
            assert!(text.parse::<FencingToken>().is_err(), "{shown:?}");
        }
        assert!(FencingToken::from_text(b"1\xff").is_err());
        assert!(FencingToken::from_text(b"1\0").is_err());
    }

    #[test]
    fn what_is_wrong_with_a_token_is_said_in_full() {
        let said = "x".parse::<FencingToken>().unwrap_err().to_string();
        assert_eq!(
            said,
            "a fencing token is one number from 1 to 18446744073709551615 in plain digits"
        );
    }

    proptest! {
        #[test]
        fn every_token_is_read_as_it_was_written(number in 1..=u64::MAX) {
            let token = FencingToken::from_number(number).unwrap();
            prop_assert_eq!(token.to_string().parse(), Ok(token));
        }

        #[test]
        fn whatever_is_read_is_written_so_again(text in "[ +0-9-]{0,24}|\\PC{0,8}") {
            if let Ok(token) = text.parse::<FencingToken>() {
                prop_assert_eq!(token.to_string(), text);
            }
        }

        #[test]
        fn no_bytes_are_too_odd_to_be_refused(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
            let expected = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<u64>().ok());
            let expected = expected.filter(|number| number.to_string().as_bytes() == bytes);
            let read = FencingToken::from_text(&bytes).ok().map(FencingToken::number);
            prop_assert_eq!(read, expected.filter(|number| *number > 0));
        }
    }
}
