//! The number of a term.

use std::fmt;
use std::num::NonZeroU64;

/// The number of a leader's term. A later term has a larger one, so a resource that has seen it can
/// refuse whatever an earlier leader still sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FencingToken(NonZeroU64);

impl FencingToken {
    /// The first that there is.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

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
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
