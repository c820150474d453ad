//! The bound on the error of a stack, and the error for those who have none that meets it.

use std::error::Error as StdError;
use std::fmt;

use tower::BoxError;

use super::Rejection;

/// An error that can hold a [`Rejection`] and show it again.
///
/// It holds for [`tower::BoxError`] and for [`Error<E>`], which [`layer()`](super::layer()) makes of
/// any error. For an enum of your own:
///
/// ```
/// use mainstay::{Rejection, StackError};
///
/// enum PaymentError {
///     Declined,
///     Refused(Rejection),
/// }
///
/// impl From<Rejection> for PaymentError {
///     fn from(refusal: Rejection) -> Self {
///         Self::Refused(refusal)
///     }
/// }
///
/// impl StackError for PaymentError {
///     fn rejection(&self) -> Option<&Rejection> {
///         match self {
///             Self::Refused(refusal) => Some(refusal),
///             Self::Declined => None,
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a mainstay layer cannot put its refusals into `{Self}`",
    label = "the service below fails with `{Self}`, which cannot hold a `mainstay::Rejection`",
    note = "add `.layer(mainstay::error::layer())` as the innermost layer, directly above the service: it makes the error `mainstay::Error<{Self}>`",
    note = "around axum's handlers, also add `.layer(mainstay::http::RespondLayer::new())` as the outermost layer: it answers refusals",
    note = "`tower::BoxError` holds refusals as it is; for an error of your own, implement `From<mainstay::Rejection>` and `mainstay::StackError`"
)]
pub trait StackError: From<Rejection> {
    /// The refusal, when a layer of this stack ended the call.
    fn rejection(&self) -> Option<&Rejection>;
}

/// Looks at the error itself and not at its chain of sources: a refusal further down was said by
/// another stack, and its [`executed()`](Rejection::executed) speaks of another request.
impl StackError for BoxError {
    fn rejection(&self) -> Option<&Rejection> {
        self.downcast_ref()
    }
}

/// The error of a stack over a service that fails with `E`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error<E> {
    /// A layer ended the call.
    Rejected(Rejection),
    /// The service failed; its error is untouched.
    Inner(E),
}

impl<E> From<Rejection> for Error<E> {
    fn from(refusal: Rejection) -> Self {
        Self::Rejected(refusal)
    }
}

impl<E> StackError for Error<E> {
    fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Rejected(refusal) => Some(refusal),
            Self::Inner(_) => None,
        }
    }
}

impl<E> Error<E> {
    /// The service's own error, unless a layer ended the call.
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Rejected(_) => None,
            Self::Inner(error) => Some(error),
        }
    }
}

/// Both variants speak for themselves, so that no level of a report says nothing.
impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(refusal) => refusal.fmt(f),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: StdError> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Rejected(refusal) => refusal.source(),
            Self::Inner(error) => error.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Executed, Kind};

    fn refusal() -> Rejection {
        Rejection::new(Kind::Timeout, Executed::Unknown, "db".into())
    }

    #[test]
    fn a_boxed_refusal_is_found_and_one_of_another_stack_is_not() {
        let ours: BoxError = refusal().into();
        assert_eq!(ours.rejection().unwrap().kind(), Kind::Timeout);

        let handler_failed: BoxError = Box::new(Error::<fmt::Error>::Rejected(refusal()));
        assert!(
            handler_failed.rejection().is_none(),
            "said by a stack inside the handler"
        );
    }

    #[test]
    fn an_inner_error_passes_through_and_a_refusal_is_none_of_its_own() {
        assert_eq!(Error::Inner(7).into_inner(), Some(7));
        assert_eq!(Error::<u8>::from(refusal()).into_inner(), None);
    }
}
