//! What a store of tokens has to do.

use std::fmt::Debug;

use crate::coordination::{FencingToken, Owner};

use super::StoreError;

/// The highest token, and whose term it is: what an acceptor, or a gate, must remember for as long as it
/// exists. An acceptor that has lost it is another one, and comes back under another
/// [`AcceptorId`](crate::coordination::AcceptorId) or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenRecord {
    /// The highest token.
    pub token: FencingToken,
    /// Who holds, or held, that term. `None` when it is not known; then it is nobody's who asks.
    pub owner: Option<Owner>,
}

impl TokenRecord {
    /// Whether `next` may take the place of `last`: `Ok(true)` when it must be kept, `Ok(false)` when it
    /// already is.
    pub(super) fn follows(last: Option<Self>, next: Self) -> Result<bool, StoreError> {
        match last {
            Some(last) if last == next => Ok(false),
            Some(last) if last.token >= next.token => Err(StoreError::Behind { high: last.token }),
            Some(_) | None => Ok(true),
        }
    }
}

/// Keeps the highest token of one resource, for one acceptor or one gate.
///
/// A store that is lost is not the same store any more: whoever relied on it must not go on under its
/// old identity.
pub trait TokenStore: Debug + Send + Sync + 'static {
    /// What is kept; `None` before the first term. Does not block.
    fn load(&self) -> Option<TokenRecord>;

    /// Keeps `record`. When it returns, a crash of the machine does not undo it. May block the thread, as
    /// long as a disk takes; it is called once for each term. The same record again is no news and well.
    ///
    /// # Errors
    /// When it is not known to be kept. [`StoreError::Behind`] when the token is lower than what is kept,
    /// or the same under another owner: then nothing was changed. After any other error the caller must
    /// not act as if the record were kept, nor as if it were not.
    fn record(&self, record: TokenRecord) -> Result<(), StoreError>;
}
