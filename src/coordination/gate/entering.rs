//! One who waits to be let in.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::coordination::FencingToken;

use super::shared::{Shared, Visitor};
use super::{GateError, Permit};

/// Who may be inside when a term's first comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::coordination) enum Beside {
    /// Those of older terms too.
    Older,
    /// Nobody but those of its own term: to come in is to have sealed.
    Nothing,
}

/// A visit that comes in when it may; dropped before that, it has left.
#[derive(Debug)]
pub(in crate::coordination) struct Entering {
    visitor: Visitor,
    token: FencingToken,
    beside: Beside,
}

impl Entering {
    pub(super) fn new(shared: &Arc<Shared>, token: FencingToken, beside: Beside) -> Self {
        Self {
            visitor: Visitor::new(shared),
            token,
            beside,
        }
    }

    /// Raises the floor when it is first polled.
    pub(in crate::coordination) fn poll(
        &mut self,
        cx: &Context<'_>,
    ) -> Poll<Result<Permit, GateError>> {
        let (token, beside) = (self.token, self.beside);
        let entered = self.visitor.poll(token, cx, |floor| {
            if beside == Beside::Nothing && !floor.is_drained() {
                return None;
            }
            floor.count(token);
            Some(())
        });
        let shared = &self.visitor.shared;
        entered.map_ok(|()| Permit::new(Arc::clone(shared), token))
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests;

#[cfg(all(test, mainstay_loom))]
mod loom_tests;
