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

/// Why a campaign ended without a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CampaignError {
    /// There is no token above those that the store or the resource has seen. Nobody is elected until
    /// whoever runs them has looked; to campaign again asks again.
    Exhausted,
    /// The election has ended: its runtime was shut down, or its store or its seal has panicked. No
    /// campaign can succeed any more.
    Stopped,
}

impl fmt::Display for CampaignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exhausted => "there is no further term",
            Self::Stopped => "the election has ended",
        })
    }
}

impl StdError for CampaignError {}
