//! Why a lease is not granted.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::coordination::NodeId;

/// Why the lease of a new term was not granted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AcquireError {
    /// Somebody holds it.
    Taken {
        /// Who, as far as is known.
        leader: Option<NodeId>,
        /// How long to wait before asking again.
        retry: Duration,
    },
    /// It could not be had this time, or it is not known whether it was.
    Unavailable {
        /// How long to wait before asking again.
        retry: Duration,
        /// What went wrong, when that is known.
        source: Option<Arc<dyn StdError + Send + Sync>>,
    },
    /// There is no further token or attempt. No term can begin again.
    Exhausted,
}

/// Why a lease was not renewed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RenewError {
    /// The lease has ended, or somebody else has it.
    Lost,
    /// Not this time, or it is not known. The last grant stands.
    Unknown {
        /// What went wrong, when that is known.
        source: Option<Arc<dyn StdError + Send + Sync>>,
    },
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken {
                leader: Some(NodeId(leader)),
                ..
            } => write!(f, "node {leader} holds the lease"),
            Self::Taken { leader: None, .. } => f.write_str("another node holds the lease"),
            Self::Unavailable { .. } => f.write_str("the lease could not be had"),
            Self::Exhausted => f.write_str("there is no further term"),
        }
    }
}

impl fmt::Display for RenewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "the lease is lost",
            Self::Unknown { .. } => "the lease could not be renewed",
        })
    }
}

fn below(source: Option<&Arc<dyn StdError + Send + Sync>>) -> Option<&(dyn StdError + 'static)> {
    source.map(|source| &**source as &(dyn StdError + 'static))
}

impl StdError for AcquireError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Unavailable { source, .. } => below(source.as_ref()),
            Self::Taken { .. } | Self::Exhausted => None,
        }
    }
}

impl StdError for RenewError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Unknown { source } => below(source.as_ref()),
            Self::Lost => None,
        }
    }
}
