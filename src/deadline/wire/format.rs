//! The formats.

use std::time::Duration;

use crate::context::Field;

use super::Text;

/// A field that says how much time is left, and how it says it.
///
/// It is always relative: a length of time that begins when the message is sent. An instant would be
/// wrong by the difference of two clocks.
///
/// ```
/// use mainstay::deadline::Format;
/// use std::time::Duration;
///
/// let left = Duration::from_micros(1_500);
/// let text = Format::GRPC_TIMEOUT.encode(left).expect("there is time left");
/// assert_eq!(text.as_bytes(), b"1500000n");
/// assert_eq!(Format::GRPC_TIMEOUT.parse(b"1500000n"), Some(left));
/// assert_eq!(Format::MILLIS.encode(left).expect("a whole one").as_bytes(), b"1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    field: Field,
    wording: Wording,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wording {
    Grpc,
    Millis,
}

/// The most that a `grpc-timeout` says in any unit: eight digits.
const GRPC_MAX: u64 = 99_999_999;
const GRPC_DIGITS: usize = 8;
/// As many as always fit into 64 bits.
const MILLIS_DIGITS: usize = 19;
/// The most that a peer with signed numbers can read.
const MILLIS_MAX: u64 = i64::MAX as u64;

impl Format {
    /// `grpc-timeout` of gRPC over HTTP/2: 1 to 8 digits and a unit, one of `H M S m u n` (hours,
    /// minutes, seconds, milli-, micro- and nanoseconds).
    pub const GRPC_TIMEOUT: Self = Self {
        field: Field::known("grpc-timeout"),
        wording: Wording::Grpc,
    };

    /// `x-request-timeout-ms`: whole milliseconds.
    pub const MILLIS: Self = Self::millis(Field::known("x-request-timeout-ms"));

    /// `x-envoy-expected-rq-timeout-ms`: whole milliseconds, as an Envoy at the egress sets it.
    ///
    /// A server believes it only from peers that it [trusts](crate::deadline::Trust), and removes it
    /// from what others send.
    pub const ENVOY_EXPECTED: Self = Self {
        field: Field::known("x-envoy-expected-rq-timeout-ms"),
        wording: Wording::Millis,
    };

    /// The formats that this crate knows by name.
    pub(crate) const KNOWN: [Self; 3] = [Self::GRPC_TIMEOUT, Self::MILLIS, Self::ENVOY_EXPECTED];

    /// Whole milliseconds in a field of this name: 1 to 19 digits.
    pub const fn millis(field: Field) -> Self {
        Self {
            field,
            wording: Wording::Millis,
        }
    }

    /// The field that it stands in.
    pub const fn field(self) -> Field {
        self.field
    }

    /// The time that a value says is left; `None` when it is malformed. Zero has expired already.
    ///
    /// Digits only, as many as the format allows, and the unit where it has one: no sign, no space, no
    /// point. Nothing overflows: the longest `grpc-timeout` is 11 415 years, and milliseconds of 19
    /// digits are 316 million; what lies past the clock is never.
    pub fn parse(self, value: &[u8]) -> Option<Duration> {
        match self.wording {
            Wording::Grpc => {
                let (unit, digits) = value.split_last()?;
                let unit = unit_named(*unit)?;
                let count = number(digits, GRPC_DIGITS)?;
                Some(unit.saturating_mul(u32::try_from(count).ok()?))
            }
            Wording::Millis => number(value, MILLIS_DIGITS).map(Duration::from_millis),
        }
    }

    /// How this format says that `left` is left: never more than that, in the finest unit in which it
    /// fits. `None` when it is less than one of the finest unit there is, a nanosecond for
    /// `grpc-timeout`, a millisecond for the others: then there is nothing left to be said.
    ///
    /// What is longer than the longest that can be said is said as that: `99999999H`, and
    /// 9 223 372 036 854 775 807 ms, the most that a peer with signed numbers reads.
    pub fn encode(self, left: Duration) -> Option<Text> {
        let (count, unit) = match self.wording {
            Wording::Grpc => {
                let (count, unit) = in_finest_unit(left);
                (count, Some(unit))
            }
            Wording::Millis => {
                let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                (millis.min(MILLIS_MAX), None)
            }
        };
        (count > 0).then(|| Text::new(count, unit))
    }
}

fn unit_named(unit: u8) -> Option<Duration> {
    match unit {
        b'H' => Some(Duration::from_secs(3600)),
        b'M' => Some(Duration::from_secs(60)),
        b'S' => Some(Duration::from_secs(1)),
        b'm' => Some(Duration::from_millis(1)),
        b'u' => Some(Duration::from_micros(1)),
        b'n' => Some(Duration::from_nanos(1)),
        _ => None,
    }
}

/// In the finest unit in which eight digits suffice, rounded down.
fn in_finest_unit(left: Duration) -> (u64, u8) {
    let secs = left.as_secs();
    let finer =
        |per_sec: u64, below: u32| secs.saturating_mul(per_sec).saturating_add(below.into());
    let units = [
        (finer(1_000_000_000, left.subsec_nanos()), b'n'),
        (finer(1_000_000, left.subsec_micros()), b'u'),
        (finer(1_000, left.subsec_millis()), b'm'),
        (secs, b'S'),
        (secs / 60, b'M'),
    ];
    let fits = units.into_iter().find(|(count, _)| *count <= GRPC_MAX);
    fits.unwrap_or((GRPC_MAX.min(secs / 3600), b'H'))
}

/// A number of 1 to `most` digits and nothing else.
fn number(digits: &[u8], most: usize) -> Option<u64> {
    if digits.is_empty() || digits.len() > most {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}
