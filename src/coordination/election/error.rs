//! Why something does not lead, or no longer.

use std::error::Error as StdError;
use std::fmt;

use crate::coordination::FencingToken;

/// The term is over, so what ran under it was dropped.
///
/// What it had sent may still arrive: that is for the resource to refuse, by its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeadershipLost {
    token: FencingToken,
}

impl LeadershipLost {
    pub(super) const fn new(token: FencingToken) -> Self {
        Self { token }
    }

    /// The term that is over.
    pub const fn token(&self) -> FencingToken {
        self.token
    }
}

impl fmt::Display for LeadershipLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "term {} is over", self.token)
    }
}

impl StdError for LeadershipLost {}
