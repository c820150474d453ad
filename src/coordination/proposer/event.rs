//! What a proposer tells its surroundings.

use std::time::Duration;

use crate::coordination::{FencingToken, Message, Moment};

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
    /// Half of the lease has passed and it has not been renewed.
    AtRisk(Grant),
    /// The right to act has ended; the lease ends in the margin. It is not renewed any more.
    Expiring(FencingToken),
    /// The lease has ended.
    Lost(FencingToken),
    /// The holder gave it back.
    Resigned(FencingToken),
    /// An attempt came to nothing. What is held is still held.
    Abandoned {
        /// Why.
        why: Abandoned,
        /// How long to wait before the next attempt. While a lease is held, the next comes by itself.
        retry: Duration,
    },
}

/// Why an attempt came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Abandoned {
    /// Somebody holds the lease.
    Taken,
    /// Too many acceptors refused: another proposer was faster.
    Refused,
    /// No majority in the time of the lease.
    TimedOut,
    /// The last lease is in its margin.
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
