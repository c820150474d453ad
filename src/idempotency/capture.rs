//! What the layer needs to know of a result.

use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;

use super::Tombstone;

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
}

/// What is to be kept of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// A record that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the record cannot be read")
    }
}

impl StdError for Unreadable {}
