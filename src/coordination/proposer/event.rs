//! What a proposer tells its surroundings.

use std::time::Duration;

use crate::coordination::{FencingToken, Message, Moment, Owner};

/// What came of a message, or of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Step {
    /// To every acceptor.
    pub send: Option<Message>,
    /// What has changed.
    pub event: Option<Event>,
}

/// A right to act that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// The term.
    pub token: FencingToken,
    /// Until when its holder may act: the margin before its end. On the proposer's clock.
    pub usable_until: Moment,
    /// When it ends. On the proposer's clock.
    pub ends: Moment,
}

/// A change of what this proposer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A new term begins.
    Elected(Grant),
    /// The term goes on, under the same token.
    Renewed(Grant),
    /// The holder gave it back.
    Resigned(FencingToken),
    /// An attempt came to nothing. What is held is still held.
    Abandoned {
        /// Why.
        why: Abandoned,
        /// How long to wait before the next attempt to be elected.
        retry: Duration,
    },
}

/// Why an attempt came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Abandoned {
    /// Somebody holds the lease, or did so before an acceptor lost sight of them.
    Taken {
        /// The one who holds it longest, as far as the acceptors know. A hint.
        by: Owner,
    },
    /// Too many acceptors refused: another proposer was faster.
    Refused,
    /// No majority in the time of the lease.
    TimedOut,
    /// The lease that was to be renewed may not be used any more, or has ended.
    Expiring,
    /// There is no further token or ballot. No attempt can succeed again.
    Exhausted,
}

impl Step {
    pub(super) const NONE: Self = Self {
        send: None,
        event: None,
    };

    pub(super) const fn send(message: Message) -> Self {
        Self {
            send: Some(message),
            event: None,
        }
    }

    pub(super) const fn event(event: Event) -> Self {
        Self {
            send: None,
            event: Some(event),
        }
    }
}
