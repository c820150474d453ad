//! What of a response its deadline covers.

use crate::context::Deadline;

/// Decides what of a response that came in time still ends with the deadline.
///
/// Adapters bring what wraps a body, so that it ends when the deadline passes while it streams.
pub trait Cover<Res> {
    /// What the caller gets.
    type Response;

    /// The inner service answered in time.
    fn cover(&self, response: Res, deadline: Deadline) -> Self::Response;
}

/// The default: the deadline covers the call until its response, and not what streams after it.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadOnly;

impl<Res> Cover<Res> for HeadOnly {
    type Response = Res;

    fn cover(&self, response: Res, _deadline: Deadline) -> Res {
        response
    }
}
