//! What runs on the nodes, and what they say to each other.

use std::time::Duration;

use crate::coordination::{
    Accepted, Ballot, Event, FencingToken, Message, Moment, Prepare, Reply, TokenRecord,
};
use crate::test_util::simulator::{Context, Input, Machine};

use super::candidate::Candidate;
use super::granter::Granter;
use super::resource::Resource;

#[expect(clippy::large_enum_variant, reason = "there are eight of them")]
pub(super) enum Member {
    Granter(Granter),
    Candidate(Candidate),
    Resource(Resource),
    /// An acceptor whose disk was lost. Its place in the fixed membership stays empty.
    Gone,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    Ask(Message),
    Answer(Reply),
    /// Asks to be told when the lease in the way of this attempt has been given back.
    Wait(Prepare),
    /// It has. A hint, with what the acceptor answers now.
    Freed(Reply),
    Seal(FencingToken),
    Sealed(FencingToken),
    Write(FencingToken),
}

/// What a member did in the last handling that is to be checked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Report {
    Granted(Accepted),
    AnsweredInQuarantine,
    /// What a proposer said, the token that it could use before, and what the lease must be like.
    Changed {
        event: Event,
        before: Option<FencingToken>,
        by: Option<(Ballot, Moment)>,
    },
    /// A holder thinks that it may act when it may not.
    Overdue(FencingToken),
    Sealed(FencingToken),
    Wrote(FencingToken),
    Refused,
}

impl Machine for Member {
    type Message = Said;
    type Record = TokenRecord;

    fn handle(&mut self, input: Input<Said>, cx: &mut Context<'_, Self>) {
        match self {
            Self::Granter(granter) => granter.handle(input, cx),
            Self::Candidate(candidate) => candidate.handle(input, cx),
            Self::Resource(resource) => resource.handle(input, cx),
            Self::Gone => {}
        }
    }

    fn wakes(&self) -> Option<Duration> {
        let moment = match self {
            Self::Granter(_) | Self::Gone => None,
            Self::Candidate(candidate) => candidate.wakes(),
            Self::Resource(resource) => resource.wakes(),
        };
        moment.map(|moment| moment.since(Moment::ORIGIN))
    }
}

impl Member {
    pub(super) fn reports(&self) -> &[Report] {
        match self {
            Self::Granter(granter) => &granter.reports,
            Self::Candidate(candidate) => &candidate.reports,
            Self::Resource(resource) => &resource.reports,
            Self::Gone => &[],
        }
    }

    pub(super) const fn candidate(&self) -> Option<&Candidate> {
        match self {
            Self::Candidate(candidate) => Some(candidate),
            _ => None,
        }
    }
}

pub(super) fn below(cx: &Context<'_, Member>, most: Duration) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap();
    Duration::from_nanos(cx.random() % nanos.max(1))
}

pub(super) fn hits(cx: &Context<'_, Member>, percent: u64) -> bool {
    cx.random() % 100 < percent
}
