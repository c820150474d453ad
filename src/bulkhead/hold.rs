//! How long a permit is held.

use super::Permit;

/// Decides when the permit of an answered call is given back.
///
/// A call that fails, is refused, panics or is dropped gives its permit back at once.
pub trait Hold<Res> {
    /// What the caller gets.
    type Response;

    /// The inner service answered: keep `permit` for as long as the response needs it.
    fn hold(&self, response: Res, permit: Permit) -> Self::Response;
}

/// The default: the permit is given back when the inner service has answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct UntilResponse;

impl<Res> Hold<Res> for UntilResponse {
    type Response = Res;

    fn hold(&self, response: Res, permit: Permit) -> Res {
        drop(permit);
        response
    }
}
