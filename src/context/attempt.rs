//! Which attempt of a call this is.

use crate::classify::Failure;

/// Says to the callee, and to layers further in, which attempt of a retried call they see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    number: u32,
    max: u32,
    previous: Option<Failure>,
}

impl Attempt {
    /// The first of at most `max` attempts.
    pub const fn first(max: u32) -> Self {
        Self {
            number: 1,
            max,
            previous: None,
        }
    }

    /// The attempt after this one, which ended with `previous`.
    #[must_use]
    pub const fn next(self, previous: Failure) -> Self {
        Self {
            number: self.number.saturating_add(1),
            max: self.max,
            previous: Some(previous),
        }
    }

    /// The attempt that the code now running is part of, if a retry layer is around it.
    pub fn current() -> Option<Self> {
        super::ambient::attempt()
    }

    /// 1 for the first.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// How many there can be.
    pub const fn max(self) -> u32 {
        self.max
    }

    /// Whether there can be no further one.
    pub const fn is_last(self) -> bool {
        self.number >= self.max
    }

    /// How the attempt before this one ended.
    pub const fn previous(self) -> Option<Failure> {
        self.previous
    }
}
