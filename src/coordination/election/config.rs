//! What can be set.

use crate::rng::Rng;

use super::seal::{NoSeal, Seal};

/// How an election runs. How long its leases last is the store's to say.
#[derive(Clone, Debug)]
#[must_use]
pub struct ElectionConfig<S = NoSeal> {
    pub(super) seal: S,
    pub(super) has_own_thread: bool,
    pub(super) rng: Rng,
}

// For this one alone, so that the default needs no type to be named.
impl Default for ElectionConfig {
    fn default() -> Self {
        Self {
            seal: NoSeal,
            has_own_thread: false,
            rng: Rng::thread(),
        }
    }
}

impl<S> ElectionConfig<S> {
    /// A new term seals what it is to guard before anybody hears that it has begun, in at most the time
    /// that its first lease may be used; it is renewed meanwhile. What is not sealed by then gives the
    /// lease back and campaigns anew, after a pause.
    pub fn sealing<T: Seal>(self, seal: T) -> ElectionConfig<T> {
        ElectionConfig {
            seal,
            has_own_thread: self.has_own_thread,
            rng: self.rng,
        }
    }

    /// Runs the election on a thread of its own, with a runtime of its own: a lease is renewed then
    /// however busy the executor is, or whatever blocks it.
    ///
    /// It costs a thread for each election. The store runs there, so it must not depend on what another
    /// runtime drives, such as a connection that was made on it. Off by default: the election is a task
    /// of the runtime in which it is made.
    pub const fn own_thread(mut self) -> Self {
        self.has_own_thread = true;
        self
    }

    /// Where jitter comes from. The thread's own by default.
    pub fn rng(mut self, rng: Rng) -> Self {
        self.rng = rng;
        self
    }
}
