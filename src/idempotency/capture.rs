//! What the layer needs to know of a result.

use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;

use crate::error::{Executed, StackError};

use super::Tombstone;
use super::key::Untold;

/// Reads a result into a record, and a record back into a response.
pub trait Capture<Res, Err>: Send + Sync + 'static {
    /// The response as the caller gets it; another type where its body had to be read.
    type Outer;

    /// Reads the result of an execution, and says what is to be kept of it.
    ///
    /// It ends in bounded time: what streams is passed on, with a tombstone.
    fn capture(
        &self,
        result: Result<Res, Err>,
    ) -> impl Future<Output = (Result<Self::Outer, Err>, Disposition)> + Send;

    /// The response to a request without a key, untouched.
    fn pass(&self, response: Res) -> Self::Outer;

    /// The response that a record was made of, marked as a replay where the protocol has a place
    /// for that.
    ///
    /// # Errors
    /// When the record cannot be read, as one of a newer version. The request is not run again.
    fn replay(&self, record: Bytes) -> Result<Self::Outer, Unreadable>;

    /// Marks a response that was made without a claim, because the store was down and
    /// `StoreDown::Run` is set. The default leaves it as it is.
    fn bypassed(&self, response: Self::Outer) -> Self::Outer {
        response
    }
}

/// What is to be kept of an execution.
#[derive(Clone, PartialEq, Eq)]
pub enum Disposition {
    /// The result.
    Keep(Bytes),
    /// That it was run.
    Tombstone(Tombstone),
    /// Nothing: it is known that nothing was run.
    Release,
    /// It is not known whether it was run: the claim stands until its lease lapses, and then
    /// [`OnLapse`](super::OnLapse) decides.
    Unknown,
}

impl Disposition {
    /// What is to be kept of an error.
    ///
    /// Where it is a refusal by a layer further in, that layer knows whether the request can have run:
    /// [`Executed::No`] gives the key back, [`Executed::Unknown`] leaves it to its lease, and
    /// [`Executed::Yes`] keeps the fact. `otherwise` says it for all other errors.
    pub fn of_error<E: StackError>(error: &E, otherwise: OnError) -> Self {
        let executed = error.rejection().map(crate::Rejection::executed);
        match (executed, otherwise) {
            (Some(Executed::No), _) | (None, OnError::Release) => Self::Release,
            (Some(Executed::Unknown), _) | (None, OnError::Unknown) => Self::Unknown,
            (Some(Executed::Yes), _) | (None, OnError::Tombstone) => {
                Self::Tombstone(Tombstone::Unrecordable)
            }
        }
    }
}

/// By hand: a result is nothing for a log.
impl fmt::Debug for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep(record) => f.debug_tuple("Keep").field(&Untold(record)).finish(),
            Self::Tombstone(why) => f.debug_tuple("Tombstone").field(why).finish(),
            Self::Release => f.write_str("Release"),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

/// What an error means that is no refusal: the handler's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum OnError {
    /// That the request ran: it is not run again. The default, since a layer cannot see what a handler
    /// had done before it failed.
    #[default]
    Tombstone,
    /// That nothing was done, or that it may be done again: the key is free at once.
    Release,
    /// That it is not known: the lease lapses, and then [`OnLapse`](super::OnLapse) decides.
    Unknown,
}

/// A record that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the record cannot be read")
    }
}

impl StdError for Unreadable {}
