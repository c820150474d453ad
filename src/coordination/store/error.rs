//! What can be wrong with a store of tokens.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::coordination::FencingToken;

/// Why a store cannot be opened, or did not keep a record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The name of a store is not 1 to 32 bytes long.
    Name,
    /// There is no such file. It was never made, or it is lost: then what relied on it must take a new
    /// identity.
    Missing,
    /// There is a file already, so none was made.
    Exists,
    /// Another process has the store open, or this one has it open twice.
    Locked,
    /// It is no store of tokens, or one of another name.
    Foreign,
    /// The file is damaged in a way that no crash explains. It says what is wrong with it.
    Corrupt(&'static str),
    /// The record is lower than the one that is kept, or the same token under another owner.
    Behind {
        /// The token that is kept.
        high: FencingToken,
    },
    /// An earlier record failed, so what is on the disk is not known. The store must be opened again.
    Failed,
    /// The file system's own error.
    Io(Arc<io::Error>),
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("the name of a token store must be 1 to 32 bytes"),
            Self::Missing => f.write_str("there is no token store, or it is lost"),
            Self::Exists => f.write_str("there is a token store already"),
            Self::Locked => f.write_str("the token store is in use"),
            Self::Foreign => f.write_str("the file is not this token store"),
            Self::Corrupt(what) => write!(f, "the token store is damaged: {what}"),
            Self::Behind { high } => write!(f, "the token store has recorded term {high}"),
            Self::Failed => f.write_str("the token store has failed and must be opened again"),
            Self::Io(_) => f.write_str("the token store could not be read or written"),
        }
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Io(error) => Some(&**error),
            _ => None,
        }
    }
}
