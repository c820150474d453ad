//! What a new leader does first.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;

use crate::coordination::{FencingGate, FencingToken, GateError};

/// Shuts out whatever is of an earlier term, before a new leader begins.
///
/// Implemented for a [`FencingGate`] in this process, and for closures that reach the resource elsewhere.
/// A seal that panics ends the election.
pub trait Seal: Send + Sync + 'static {
    /// Returns when nothing of an earlier term than `token` is let in any more and nothing of one is
    /// inside.
    ///
    /// # Errors
    /// See [`Unsealed`].
    ///
    /// # Cancel safety
    /// Dropped, it may have been sealed.
    fn seal(&self, token: FencingToken) -> impl Future<Output = Result<(), Unsealed>> + Send;
}

/// Why a new term could not begin.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unsealed {
    /// The resource has seen a later term: the tokens were lost somewhere. The next campaign asks for one
    /// above it.
    Stale {
        /// The highest that it has seen.
        high: FencingToken,
    },
    /// It is not known whether it is sealed.
    Failed(Box<dyn StdError + Send + Sync>),
}

impl From<GateError> for Unsealed {
    fn from(error: GateError) -> Self {
        match error.high() {
            Some(high) => Self::Stale { high },
            None => Self::Failed(Box::new(error)),
        }
    }
}

impl fmt::Display for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale { high } => write!(f, "term {high} has begun already"),
            Self::Failed(_) => f.write_str("the resource could not be sealed"),
        }
    }
}

impl StdError for Unsealed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(source) => Some(&**source),
            Self::Stale { .. } => None,
        }
    }
}

impl Seal for FencingGate {
    async fn seal(&self, token: FencingToken) -> Result<(), Unsealed> {
        Ok(Self::seal(self, token).await?)
    }
}

impl<F, R> Seal for F
where
    F: Fn(FencingToken) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), Unsealed>> + Send,
{
    fn seal(&self, token: FencingToken) -> impl Future<Output = Result<(), Unsealed>> + Send {
        self(token)
    }
}

/// Seals nothing: for work that needs no fencing, or that seals the resource itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSeal;

impl Seal for NoSeal {
    async fn seal(&self, _token: FencingToken) -> Result<(), Unsealed> {
        Ok(())
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_gate_is_a_seal_and_says_what_is_high() {
        let high = FencingToken::from_number(7).unwrap();
        let gate = FencingGate::in_memory(Some(high));
        let refused = Seal::seal(&gate, FencingToken::FIRST).now_or_never();
        let Some(Err(error)) = refused else {
            panic!("{refused:?}");
        };
        assert!(matches!(error, Unsealed::Stale { high: seen } if seen == high));
        assert_eq!(error.to_string(), "term 7 has begun already");
        let sealed = Seal::seal(&gate, high).now_or_never();
        assert!(matches!(sealed, Some(Ok(()))));
    }

    #[test]
    fn what_a_gate_could_not_record_is_the_source() {
        let error = Unsealed::from(GateError::Unrecorded);
        let source = error.source().unwrap().to_string();
        assert_eq!(source, GateError::Unrecorded.to_string());
    }
}
