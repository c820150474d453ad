//! Why a gate lets somebody not in.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::context::{Carrier, Field};
use crate::coordination::{FencingToken, MalformedToken, StoreError};
use crate::{Executed, Kind, Name, Rejection};

/// The token is of an earlier term than one that the gate has seen.
///
/// Whoever holds a valid lease and is told this must be elected anew, with a token above
/// [`high`](Self::high): the tokens were lost somewhere, or come from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stale {
    token: FencingToken,
    high: FencingToken,
}

impl Stale {
    /// The field of an answer in which whoever is refused is told [`high`](Self::high).
    pub const FIELD: Field = Field::known("fencing-token-high");

    pub(super) const fn new(token: FencingToken, high: FencingToken) -> Self {
        Self { token, high }
    }

    /// The token that was refused.
    pub const fn token(&self) -> FencingToken {
        self.token
    }

    /// The highest token that the gate has seen.
    pub const fn high(&self) -> FencingToken {
        self.high
    }

    /// The refusal of a call, by the layer's instance called `layer`. This is its source.
    pub fn rejection(self, layer: Name) -> Rejection {
        Rejection::new(Kind::StaleToken, Executed::No, layer).because(Arc::new(self))
    }

    /// The highest token that a gate has seen, as the fields of its answer say. A leader whose lease is
    /// valid has itself elected anew with it as the floor.
    ///
    /// Believe it only of a resource that is yours: an answer that says the largest token there is leaves
    /// no term above it.
    ///
    /// # Errors
    /// When it is no token, or there is more than one.
    pub fn read_high(fields: &impl Carrier) -> Result<Option<FencingToken>, MalformedToken> {
        FencingToken::read_from(fields, Self::FIELD)
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "term {} is over: term {} has begun",
            self.token, self.high
        )
    }
}

impl StdError for Stale {}

/// Why a gate lets somebody not in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum GateError {
    /// The token is of an earlier term.
    Stale(Stale),
    /// The token is of a term that is not recorded yet, which takes a wait.
    Unrecorded,
    /// The term could not be recorded, so nothing of it may come in.
    Store(StoreError),
}

impl GateError {
    /// The highest token that the gate has seen, when it is above the one that was refused.
    pub const fn high(&self) -> Option<FencingToken> {
        match self {
            Self::Stale(stale) => Some(stale.high()),
            Self::Unrecorded | Self::Store(_) => None,
        }
    }

    /// The refusal of a call, by the layer's instance called `layer`. Its source is the [`Stale`] or the
    /// [`StoreError`], where it is one.
    pub fn rejection(self, layer: Name) -> Rejection {
        let unrecorded = |layer| Rejection::new(Kind::TermUnrecorded, Executed::No, layer);
        match self {
            Self::Stale(stale) => stale.rejection(layer),
            Self::Unrecorded => unrecorded(layer),
            Self::Store(error) => unrecorded(layer).because(Arc::new(error)),
        }
    }
}

impl From<Stale> for GateError {
    fn from(stale: Stale) -> Self {
        Self::Stale(stale)
    }
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale(stale) => stale.fmt(f),
            Self::Unrecorded => f.write_str("the term is not recorded yet"),
            Self::Store(_) => f.write_str("the term could not be recorded"),
        }
    }
}

impl StdError for GateError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Stale(_) | Self::Unrecorded => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_token_is_a_refusal_of_what_has_not_run_and_says_what_is_high() {
        let high = FencingToken::from_number(7).unwrap();
        let stale = Stale::new(FencingToken::FIRST, high);
        assert_eq!(GateError::from(stale).high(), Some(high));
        assert_eq!(stale.to_string(), "term 1 is over: term 7 has begun");
        let refusal = stale.rejection(Name::from("ledger"));
        assert_eq!(
            (refusal.kind(), refusal.executed()),
            (Kind::StaleToken, Executed::No)
        );
        let source = refusal
            .source()
            .and_then(|source| source.downcast_ref::<Stale>());
        assert_eq!(source, Some(&stale));
    }

    #[test]
    fn a_term_that_is_not_recorded_is_a_refusal_of_its_own_and_has_the_store_for_its_source() {
        let refusal = GateError::Store(StoreError::Failed).rejection(Name::from("ledger"));
        assert_eq!(
            (refusal.kind(), refusal.executed(), refusal.layer()),
            (Kind::TermUnrecorded, Executed::No, "ledger")
        );
        let source = refusal
            .source()
            .and_then(|source| source.downcast_ref::<StoreError>());
        assert!(matches!(source, Some(StoreError::Failed)));
        let waits = GateError::Unrecorded.rejection(Name::from("ledger"));
        assert_eq!(waits.kind(), Kind::TermUnrecorded);
        assert!(waits.source().is_none());
    }
}
