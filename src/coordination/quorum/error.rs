//! Why an acceptor does not answer.

use std::error::Error as StdError;
use std::fmt;

use crate::coordination::StoreError;
use crate::name::Name;

/// Why an acceptor has no answer. None of it has granted anything.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AcceptorError {
    /// The request is about another resource than the acceptor is for.
    Resource {
        /// The one that it is for.
        serves: Name,
    },
    /// It could not write a term, or it is not known whether it did. It answers nobody any more: open its
    /// store again and make it anew.
    Failed {
        /// What the store said; `None` when it panicked.
        source: Option<StoreError>,
    },
    /// The runtime stops, and did not come to what was asked.
    Stopped,
}

impl fmt::Display for AcceptorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource { serves } => write!(f, "the acceptor is for the resource {serves:?}"),
            Self::Failed { .. } => f.write_str("the acceptor has failed and must be made anew"),
            Self::Stopped => f.write_str("the acceptor's runtime stops"),
        }
    }
}

impl StdError for AcceptorError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed {
                source: Some(source),
            } => Some(source),
            _ => None,
        }
    }
}
