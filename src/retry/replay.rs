//! Whether and how a request can be sent again.

/// Makes the copies of a request that further attempts send, and says whether a repeat is safe.
///
/// No copy is made for the last attempt, nor when there is only one.
pub trait Replay<Req> {
    /// A copy to send again; `None` when the request cannot be copied.
    fn copy(&self, request: &Req) -> Option<Req>;

    /// Whether running the request twice does no more than running it once. What is not safe is
    /// repeated only when the failure says that it did not run
    /// ([`Executed::No`](crate::Executed::No)).
    fn is_safe(&self, request: &Req) -> bool;

    /// Whether `copy` is still good to send, asked when the attempt before it has failed and again
    /// before it is sent. A body that is recorded as it streams may have outgrown its buffer by then.
    fn is_intact(&self, _copy: &Req) -> bool {
        true
    }
}

/// The default: clones the request and holds every repeat to be safe.
///
/// A request type whose repeats are not all safe needs a rule of its own; `http::SafeMethods` is the
/// one for HTTP.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByClone;

impl<Req: Clone> Replay<Req> for ByClone {
    fn copy(&self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }

    fn is_safe(&self, _request: &Req) -> bool {
        true
    }
}
