//! Things that are counted while they are alive.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::watch::{State, What};

/// Counted from its making to its drop.
#[derive(Debug)]
pub(super) struct Counted {
    state: Arc<State>,
    what: What,
}

impl Counted {
    pub(super) fn new(state: &Arc<State>, what: What) -> Self {
        state.born(what);
        Self {
            state: Arc::clone(state),
            what,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.state.died(self.what);
    }
}

/// A request, a response or the inside of an error, which its [`Watch`](super::Watch) counts for as
/// long as it is alive. A clone counts as one more.
///
/// [`id`](Self::id) tells them apart: requests are numbered from 1 as they are made, and what the
/// probe gives back carries the number of its call.
pub struct Token {
    id: u64,
    counted: Counted,
}

impl Token {
    pub(super) fn new(state: &Arc<State>, what: What, id: u64) -> Self {
        Self {
            id,
            counted: Counted::new(state, what),
        }
    }

    /// The number of the request, or of the call that gave it back.
    pub const fn id(&self) -> u64 {
        self.id
    }
}

impl Clone for Token {
    fn clone(&self) -> Self {
        Self::new(&self.counted.state, self.counted.what, self.id)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({})", self.counted.what, self.id)
    }
}

/// The error of a [`Probe`](super::Probe).
#[derive(Clone, Debug)]
pub struct Failed {
    token: Token,
}

impl Failed {
    pub(super) fn new(state: &Arc<State>, call: u64) -> Self {
        Self {
            token: Token::new(state, What::Error, call),
        }
    }

    /// The number of the call that failed; 0 when it was the readiness.
    pub const fn call(&self) -> u64 {
        self.token.id()
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.call() {
            0 => f.write_str("the probe failed to become ready"),
            call => write!(f, "the probe failed call {call}"),
        }
    }
}

impl StdError for Failed {}
