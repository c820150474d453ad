//! What is kept of an execution that ended.

use std::fmt;

use bytes::Bytes;

use super::key::Untold;

/// What a store keeps under a key that is done.
#[derive(Clone, PartialEq, Eq)]
pub enum Stored {
    /// The result, to be replayed.
    Record(Bytes),
    /// That it was run, and no more.
    Tombstone(Tombstone),
}

/// By hand: a result is nothing for a log.
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(record) => f.debug_tuple("Record").field(&Untold(record)).finish(),
            Self::Tombstone(why) => f.debug_tuple("Tombstone").field(why).finish(),
        }
    }
}

/// Why only the fact was kept that a request ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tombstone {
    /// The result is larger than what may be kept.
    TooLarge,
    /// The result is a stream that had not ended when it was passed on.
    Streaming,
    /// The result was kept, and made room for newer ones.
    Demoted,
    /// The result cannot be put into a record, as an error.
    Unrecordable,
    /// The handler said so.
    ByHandler,
}

impl Tombstone {
    /// The reason as a label, and for stores that keep it as a text.
    pub const fn label(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Streaming => "streaming",
            Self::Demoted => "demoted",
            Self::Unrecordable => "unrecordable",
            Self::ByHandler => "by_handler",
        }
    }

    /// The reason of this [`label`](Self::label). A label of a newer version reads as
    /// [`Unrecordable`](Self::Unrecordable): the fact counts, and not why.
    pub fn of_label(label: &str) -> Self {
        let known = [
            Self::TooLarge,
            Self::Streaming,
            Self::Demoted,
            Self::ByHandler,
        ];
        let found = known.into_iter().find(|reason| reason.label() == label);
        found.unwrap_or(Self::Unrecordable)
    }
}
