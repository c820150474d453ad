//! What goes to an acceptor, and what comes back.

use std::time::Duration;

use crate::coordination::{AcceptorId, Answer, Ballot, Message, Reply};
use crate::name::Name;

/// What a node asks of an acceptor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct LeaseRequest {
    /// Whose lease. An acceptor answers for one resource and refuses every other.
    pub resource: Name,
    /// What is asked.
    pub ask: Ask,
}

/// See [`LeaseRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum Ask {
    /// What a proposer has to say. Answered at once, or when the disk has written the term.
    Message(Message),
    /// To be told when the acceptor has granted no lease that lives. Answered when that is so, and with
    /// silence when it has not become so in time.
    Wait {
        /// For how long at most.
        within: Duration,
    },
}

/// What an acceptor answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum LeaseResponse {
    /// Nothing is said: to a release, in quarantine, and to a wait that has not come to its end. It is no
    /// failure of the acceptor, and whatever stands around the transport should count none.
    Silence,
    /// To a [`Prepare`](crate::coordination::Prepare) or an [`Accept`](crate::coordination::Accept).
    Reply(Reply),
    /// To a wait: there is no lease that lives. A hint, by which nobody decides anything.
    Free {
        /// The highest ballot that the acceptor promised anything: who asks next ranks above it.
        #[cfg_attr(
            feature = "serde",
            serde(deserialize_with = "crate::coordination::wire::said")
        )]
        promised: Option<Ballot>,
    },
}

impl From<Answer<'static>> for LeaseResponse {
    fn from(answer: Answer<'static>) -> Self {
        match answer {
            Answer::Reply(reply) => Self::Reply(reply),
            Answer::Silence | Answer::Write(_) => Self::Silence,
        }
    }
}

impl LeaseResponse {
    /// Whether it is `from`'s, as far as it says whose it is.
    pub(super) fn is_from(&self, from: AcceptorId) -> bool {
        match self {
            Self::Reply(Reply::Promise(promise)) => promise.from == from,
            Self::Reply(Reply::Accepted(accepted)) => accepted.from == from,
            Self::Reply(Reply::Nack(nack)) => nack.from == from,
            Self::Silence | Self::Free { .. } => true,
        }
    }
}
