//! What proposers and acceptors say to each other about one resource.

use std::time::Duration;

use super::{AcceptorId, Ballot, FencingToken, Owner};

/// From a proposer to an acceptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Message {
    /// Asks what the acceptor knows, and to grant nothing to lower ballots.
    Prepare(Prepare),
    /// Asks for the lease.
    Accept(Accept),
    /// Gives it back.
    Release(Release),
}

/// From an acceptor to the proposer that asked. A release has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Reply {
    /// To a [`Prepare`].
    Promise(Promise),
    /// To an [`Accept`].
    Accepted(Accepted),
    /// To either: no.
    Nack(Nack),
}

/// See [`Message::Prepare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Prepare {
    /// The attempt.
    pub ballot: Ballot,
}

/// See [`Message::Accept`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Accept {
    /// The attempt; its owner is who asks.
    pub ballot: Ballot,
    /// The term: a new one, or the one that is renewed.
    pub token: FencingToken,
    /// For how long, on the asker's clock, from before it asked.
    pub ttl: Duration,
}

/// See [`Message::Release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Release {
    /// The last attempt; what was granted to it, or to an earlier one of its owner, is of no use any more.
    pub ballot: Ballot,
}

/// See [`Reply::Promise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Promise {
    /// The attempt that asked.
    pub ballot: Ballot,
    /// Who answers.
    pub from: AcceptorId,
    /// The lease that it has granted and that has not ended.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::wire::said"))]
    pub live: Option<Live>,
    /// The highest token that it ever accepted.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::wire::said"))]
    pub high: Option<FencingToken>,
}

/// A lease as an acceptor sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Live {
    /// The attempt by which it was granted; its owner holds it.
    pub ballot: Ballot,
    /// What is left of it on the acceptor's clock. A hint, by which nobody decides anything.
    pub remaining: Duration,
}

/// See [`Reply::Accepted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Accepted {
    /// The attempt that asked.
    pub ballot: Ballot,
    /// Who answers.
    pub from: AcceptorId,
}

/// See [`Reply::Nack`]. All that it says are hints: they make the next attempt better, never safer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Nack {
    /// The attempt that asked.
    pub ballot: Ballot,
    /// Who answers.
    pub from: AcceptorId,
    /// The highest ballot that it promised anything.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::wire::said"))]
    pub promised: Option<Ballot>,
    /// The lease in the way.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::wire::said"))]
    pub live: Option<Live>,
    /// The highest token that it ever accepted.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::wire::said"))]
    pub high: Option<FencingToken>,
}

impl Ballot {
    /// Whose attempt it is.
    pub const fn owner(&self) -> Owner {
        self.owner
    }
}
