//! Tokens that a process takes with it when it ends.

use crate::Name;
use crate::sync::Lock;
use crate::telemetry::{Scope, event};

use super::{StoreError, TokenRecord, TokenStore};

/// Keeps the highest token in memory. An event says so when it is made, because after a restart tokens
/// begin anew, and a resource that lives longer than this process refuses them, or cannot tell them from
/// the old ones.
#[derive(Debug)]
pub struct EphemeralTokenStore {
    last: Lock<Option<TokenRecord>>,
}

impl EphemeralTokenStore {
    /// For the resource called `name`, with nothing kept.
    pub fn new(name: impl Into<Name>) -> Self {
        Self::warned(name.into(), None)
    }

    /// Begins with what the resource itself has kept durably: the highest token that its gate has seen.
    ///
    /// A token that was granted and had not reached the resource is forgotten with the process, and may
    /// be granted again. So this is for acceptors in the holders' own process, whose end is their
    /// holders' too.
    pub fn seeded(name: impl Into<Name>, record: TokenRecord) -> Self {
        Self::warned(name.into(), Some(record))
    }

    fn warned(name: Name, last: Option<TokenRecord>) -> Self {
        event(
            &Scope::new("coordination", name),
            "tokens are kept in memory alone",
            format_args!("a restart of the process forgets the highest"),
        );
        Self {
            last: Lock::new(last),
        }
    }
}

impl TokenStore for EphemeralTokenStore {
    fn load(&self) -> Option<TokenRecord> {
        *self.last.lock()
    }

    fn record(&self, record: TokenRecord) -> Result<(), StoreError> {
        let mut last = self.last.lock();
        if TokenRecord::follows(*last, record)? {
            *last = Some(record);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordination::{FencingToken, Incarnation, NodeId, Owner};

    fn record(number: u64, incarnation: u128) -> TokenRecord {
        TokenRecord {
            token: FencingToken::from_number(number).unwrap(),
            owner: Some(Owner {
                node: NodeId(1),
                incarnation: Incarnation(incarnation),
            }),
        }
    }

    #[test]
    fn a_token_never_goes_back_and_never_changes_hands() {
        let store = EphemeralTokenStore::new("ledger");
        assert_eq!(store.load(), None);
        store.record(record(7, 1)).unwrap();
        store.record(record(7, 1)).unwrap();
        for late in [
            record(6, 1),
            record(7, 2),
            TokenRecord {
                owner: None,
                ..record(7, 1)
            },
        ] {
            let refused = store.record(late).unwrap_err();
            assert!(matches!(refused, StoreError::Behind { high } if high.number() == 7));
        }
        assert_eq!(store.load(), Some(record(7, 1)));
        store.record(record(u64::MAX, 2)).unwrap();
        assert_eq!(store.load(), Some(record(u64::MAX, 2)));
        assert_eq!(
            EphemeralTokenStore::seeded("ledger", record(3, 3)).load(),
            Some(record(3, 3))
        );
    }
}
