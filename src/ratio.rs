//! A share of a whole, exact to a millionth.

use std::fmt;

use crate::error::ConfigError;

/// A share between 0 and 1, held in millionths so that comparing and scaling counts is exact.
///
/// ```
/// use mainstay::Ratio;
///
/// let half = Ratio::percent(50)?;
/// assert!(half.is_reached(10, 20));
/// assert!(!half.is_reached(9, 20));
/// assert_eq!(half.of(7), 3);
/// # Ok::<(), mainstay::ConfigError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "f64", into = "f64"))]
pub struct Ratio {
    millionths: u32,
}

const WHOLE: u32 = 1_000_000;

impl Ratio {
    /// None of it.
    pub const ZERO: Self = Self { millionths: 0 };
    /// All of it.
    pub const ONE: Self = Self { millionths: WHOLE };

    /// From a fraction, rounded to the nearest millionth.
    ///
    /// # Errors
    /// When `share` is not a number between 0 and 1.
    pub fn new(share: f64) -> Result<Self, ConfigError> {
        if !(0.0..=1.0).contains(&share) {
            return Err(ConfigError::new("ratio", share, "0 ..= 1"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the product lies in 0 ..= 1_000_000"
        )]
        let millionths = (share * f64::from(WHOLE)).round() as u32;
        Ok(Self { millionths })
    }

    /// From whole percent.
    ///
    /// # Errors
    /// When `percent` is above 100.
    pub fn percent(percent: u8) -> Result<Self, ConfigError> {
        if percent > 100 {
            return Err(ConfigError::new("percent", percent, "0 ..= 100"));
        }
        Ok(Self::hundredths(percent))
    }

    /// For constants of this crate: the argument is known to be at most 100.
    pub(crate) const fn hundredths(percent: u8) -> Self {
        Self {
            millionths: (percent as u32).saturating_mul(WHOLE / 100),
        }
    }

    /// The share as a fraction.
    pub fn as_f64(self) -> f64 {
        f64::from(self.millionths) / f64::from(WHOLE)
    }

    /// This share of `whole`, rounded down.
    pub fn of(self, whole: u64) -> u64 {
        let scaled = u128::from(whole).saturating_mul(u128::from(self.millionths));
        let share = scaled.checked_div(u128::from(WHOLE)).unwrap_or(0);
        u64::try_from(share).unwrap_or(u64::MAX)
    }

    /// Whether `part` is at least this share of `whole`. Of nothing, no share is reached.
    pub fn is_reached(self, part: u64, whole: u64) -> bool {
        let part = u128::from(part).saturating_mul(u128::from(WHOLE));
        whole > 0 && part >= u128::from(whole).saturating_mul(u128::from(self.millionths))
    }

    /// The share in millionths, for exact sums.
    pub const fn millionths(self) -> u32 {
        self.millionths
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_f64())
    }
}

impl TryFrom<f64> for Ratio {
    type Error = ConfigError;

    fn try_from(share: f64) -> Result<Self, ConfigError> {
        Self::new(share)
    }
}

impl From<Ratio> for f64 {
    fn from(ratio: Ratio) -> Self {
        ratio.as_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_part_of_the_range_and_what_is_past_them_is_refused() {
        assert_eq!(Ratio::new(0.0).unwrap(), Ratio::ZERO);
        assert_eq!(Ratio::new(1.0).unwrap(), Ratio::ONE);
        for wrong in [-0.000_001, 1.000_001, f64::NAN, f64::INFINITY] {
            let said = Ratio::new(wrong).unwrap_err().to_string();
            assert!(said.contains("ratio") && said.contains("0 ..= 1"), "{said}");
        }
        assert!(Ratio::percent(101).is_err());
    }

    #[test]
    fn shares_of_the_largest_counts_do_not_overflow() {
        assert_eq!(Ratio::ONE.of(u64::MAX), u64::MAX);
        assert!(Ratio::ONE.is_reached(u64::MAX, u64::MAX));
        assert!(!Ratio::ZERO.is_reached(0, 0));
        assert!(Ratio::ZERO.is_reached(0, 1));
    }
}
