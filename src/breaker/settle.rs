//! When the outcome of an answered call is settled.

use std::fmt;

use crate::classify::Outcome;

use super::permit::Admitted;

/// Decides when the outcome of an answered call is settled: with its response, or later, when more of
/// it is known.
///
/// Adapters bring what waits for the end of a body. A call that fails, is refused, panics or is dropped
/// before it was answered is settled then, whatever this says.
///
/// ```
/// use mainstay::Outcome;
/// use mainstay::breaker::{Settle, Unsettled};
///
/// /// Responses that say for themselves how they went, once they have been used.
/// struct ByReceipt;
///
/// struct Receipt {
///     call: Option<Unsettled>,
/// }
///
/// impl Receipt {
///     fn confirm(mut self) {
///         if let Some(call) = self.call.take() {
///             call.settle(Outcome::Success);
///         }
///     }
/// }
///
/// impl<Res> Settle<Res> for ByReceipt {
///     type Response = (Res, Receipt);
///
///     fn is_settled(&self, _response: &Res, _outcome: Outcome) -> bool {
///         false
///     }
///
///     fn respond(&self, response: Res, call: Option<Unsettled>) -> (Res, Receipt) {
///         (response, Receipt { call })
///     }
/// }
/// # let _ = Receipt::confirm;
/// ```
pub trait Settle<Res> {
    /// What the caller gets.
    type Response;

    /// Whether `outcome`, which the classifier read from `response`, is the last word. It is settled
    /// then; otherwise the call goes on.
    fn is_settled(&self, response: &Res, outcome: Outcome) -> bool;

    /// Gives `response` on, with the call where it is not settled yet.
    fn respond(&self, response: Res, call: Option<Unsettled>) -> Self::Response;
}

/// The default: what the classifier reads from the response is the last word.
#[derive(Clone, Copy, Debug, Default)]
pub struct AtResponse;

impl<Res> Settle<Res> for AtResponse {
    type Response = Res;

    #[inline]
    fn is_settled(&self, _response: &Res, _outcome: Outcome) -> bool {
        true
    }

    #[inline]
    fn respond(&self, response: Res, _call: Option<Unsettled>) -> Res {
        response
    }
}

/// A call that was answered and is not settled yet.
///
/// It is settled once. Dropped before that, it counts as given up, as
/// [`BreakerConfig::cancelled`](super::BreakerConfig::cancelled) says, or if what it ran panicked, as a
/// failure. What it took is the time until its response: a stream is not slow because it is long.
///
/// A probe keeps its place until then, or until its lease ends.
#[must_use = "dropped, it counts as given up"]
pub struct Unsettled {
    admitted: Admitted,
}

impl Unsettled {
    pub(super) fn new(mut admitted: Admitted) -> Self {
        admitted.took();
        Self { admitted }
    }

    /// Runs a part of the inner service that is left, such as a body: should it panic, the call has
    /// failed.
    pub fn run<T>(&mut self, inner: impl FnOnce() -> T) -> T {
        self.admitted.run_rest(inner)
    }

    /// The call has ended with `outcome`. [`Outcome::Ignored`] counts neither way.
    pub fn settle(mut self, outcome: Outcome) {
        self.admitted.settle(outcome);
    }
}

/// Short: the circuit is its layer's.
impl fmt::Debug for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsettled").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsettled_call_can_be_kept_anywhere() {
        fn anywhere<T: Send + Sync + fmt::Debug + 'static>() {}
        anywhere::<Unsettled>();
    }
}
