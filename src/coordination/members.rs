//! Who grants leases.

use std::sync::Arc;

use crate::error::ConfigError;

use super::AcceptorId;
use super::rules::{Rule, Rules};

/// As many as a set of votes has room for.
const MOST: usize = 64;

/// The acceptors of one election. The same for all who take part, for as long as it exists.
#[derive(Clone, Debug)]
#[must_use]
pub struct MembersConfig {
    ids: Vec<AcceptorId>,
    allow_even: bool,
}

impl MembersConfig {
    /// These acceptors: 1 to 64 of them, each once, and an odd number.
    pub fn new(ids: impl IntoIterator<Item = AcceptorId>) -> Self {
        // One more than there is room for is enough to be refused.
        let ids = ids.into_iter().take(MOST.saturating_add(1)).collect();
        Self {
            ids,
            allow_even: false,
        }
    }

    /// Allows an even number. It tolerates no more failures than one acceptor fewer does, and has one
    /// more that can fail: of two, either one stops the election.
    pub const fn allow_even(mut self) -> Self {
        self.allow_even = true;
        self
    }
}

/// Acceptors that were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    ids: Arc<[AcceptorId]>,
}

impl Members {
    /// Checks them.
    ///
    /// # Errors
    /// When there are none, too many, one of them twice, or an even number that was not allowed.
    pub fn new(config: MembersConfig) -> Result<Self, ConfigError> {
        let MembersConfig {
            mut ids,
            allow_even,
        } = config;
        let count = ids.len();
        if !(1..=MOST).contains(&count) {
            return Err(ConfigError::new("acceptors", count, "1 to 64"));
        }
        ids.sort_unstable();
        let twice = ids.iter().zip(ids.iter().skip(1)).find(|(a, b)| a == b);
        if let Some((id, _)) = twice {
            return Err(ConfigError::new("acceptors", id.0, "each named once"));
        }
        if count == 2 && !allow_even {
            let allowed =
                "odd, or allowed to be even: of 2, either one that fails stops the election";
            return Err(ConfigError::new("acceptors", count, allowed));
        }
        if count % 2 == 0 && !allow_even {
            let allowed =
                "odd, or allowed to be even: it tolerates no more failures than one fewer";
            return Err(ConfigError::new("acceptors", count, allowed));
        }
        Ok(Self { ids: ids.into() })
    }

    /// Who they are, in order.
    pub fn ids(&self) -> &[AcceptorId] {
        &self.ids
    }

    /// How many make a majority: any two majorities have an acceptor in common.
    pub fn quorum(&self) -> usize {
        (self.ids.len() / 2).saturating_add(1)
    }

    /// Its place, unless it is no member.
    fn place(&self, id: AcceptorId) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }
}

/// A set of members. Who votes twice has one vote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Votes(u64);

impl Votes {
    /// Adds `id`; one that is no member has no vote.
    pub(super) fn add(&mut self, members: &Members, id: AcceptorId, rules: Rules) {
        let Some(place) = members.place(id) else {
            return;
        };
        if rules.keeps(Rule::VotesAreSets) {
            self.0 |= 1 << place;
        } else {
            self.0 |= self.0.wrapping_add(1);
        }
    }

    pub(super) fn remove(&mut self, members: &Members, id: AcceptorId) {
        if let Some(place) = members.place(id) {
            self.0 &= !(1 << place);
        }
    }

    pub(super) fn is_quorum(self, members: &Members) -> bool {
        self.len() >= members.quorum()
    }

    /// Whether no majority is left, when these are those who refuse.
    pub(super) fn is_hopeless(self, members: &Members) -> bool {
        members.ids.len().saturating_sub(self.len()) < members.quorum()
    }

    pub(super) fn len(self) -> usize {
        usize::try_from(self.0.count_ones()).unwrap_or(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(count: u32) -> MembersConfig {
        MembersConfig::new((0..count).map(AcceptorId))
    }

    #[test]
    fn none_too_many_and_twice_are_refused_by_name() {
        for config in [
            members(0),
            members(65),
            members(2),
            members(4),
            MembersConfig::new([1, 2, 1].map(AcceptorId)),
        ] {
            assert_eq!(Members::new(config).unwrap_err().field(), "acceptors");
        }
        let why = Members::new(members(2)).unwrap_err().to_string();
        assert!(why.contains("either one that fails stops"), "{why}");
    }

    #[test]
    fn a_majority_of_each_size_meets_every_other() {
        for (count, quorum) in [(1, 1), (3, 2), (5, 3), (63, 32)] {
            assert_eq!(Members::new(members(count)).unwrap().quorum(), quorum);
        }
        for (count, quorum) in [(2, 2), (4, 3), (64, 33)] {
            let members = Members::new(members(count).allow_even()).unwrap();
            assert_eq!(members.quorum(), quorum);
        }
    }

    #[test]
    fn who_votes_twice_has_one_vote_and_a_stranger_none() {
        let members = Members::new(members(64).allow_even()).unwrap();
        let mut votes = Votes::default();
        for id in [63, 63, 64, u32::MAX, 0] {
            votes.add(&members, AcceptorId(id), Rules::ALL);
        }
        assert_eq!(votes.len(), 2);
        votes.remove(&members, AcceptorId(63));
        votes.remove(&members, AcceptorId(64));
        assert_eq!(votes.len(), 1);
        for id in 0..64 {
            votes.add(&members, AcceptorId(id), Rules::ALL);
        }
        assert!(votes.is_quorum(&members) && votes.is_hopeless(&members));
    }
}
