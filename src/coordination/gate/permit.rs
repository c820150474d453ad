//! What one caller holds of a gate.

use std::fmt;
use std::sync::Arc;

use crate::coordination::FencingToken;

use super::shared::{Shared, wake_all};

/// The right to touch the resource in one term; given back when it is dropped.
///
/// Keep it until the effect is there and not just sent: a later term's
/// [`seal`](super::FencingGate::seal) waits for it, and begins to read when it is gone.
///
/// A clone is the same right held once more, also when the term is over by then: the gate waits for all
/// of them. It lets one who works on after its caller has left, on another thread say, keep the gate
/// informed.
#[must_use = "dropped at once it guards nothing"]
pub struct Permit {
    shared: Arc<Shared>,
    token: FencingToken,
}

impl Permit {
    /// For one that the floor has counted.
    #[inline]
    pub(super) const fn new(shared: Arc<Shared>, token: FencingToken) -> Self {
        Self { shared, token }
    }

    /// The term that it is for.
    pub const fn token(&self) -> FencingToken {
        self.token
    }
}

impl Clone for Permit {
    #[inline]
    fn clone(&self) -> Self {
        self.shared.floor.lock().share(self.token);
        Self::new(Arc::clone(&self.shared), self.token)
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        let woken = self.shared.floor.lock().leave(self.token);
        wake_all(woken);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
