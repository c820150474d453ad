//! The rules that the tests may break, one by one, to see what breaks with them.
//!
//! In a build that is no test this is a type without size, and every rule is kept.

/// A rule without which a guarantee falls; see the tests for how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// An acceptor never replaces the lease of another incarnation while it lives.
    KeepLive,
    /// Two lives of one node are two owners.
    OwnerIsIncarnation,
    /// An acceptor takes no token below the highest that it took.
    Guard,
    /// An acceptor takes the highest token again from nobody but its owner.
    TieByOwner,
    /// A release names the last attempt that it gives back, and not only the owner.
    ExactRelease,
    /// The end of a lease is fixed before it is asked for.
    EarlyDeadline,
    /// One's own lease is open to oneself only while one renews it.
    OwnOnlyRenewed,
    /// Votes are counted by who gave them, not by how many came.
    VotesAreSets,
    /// The token comes from what the acceptors took before, not from the attempt's number.
    TokenFromHigh,
}

/// Which rules are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    #[cfg(test)]
    broken: u32,
}

impl Rules {
    /// All of them.
    pub(super) const ALL: Self = Self {
        #[cfg(test)]
        broken: 0,
    };

    #[cfg(not(test))]
    pub(super) const fn keeps(self, _: Rule) -> bool {
        let Self {} = self;
        true
    }

    #[cfg(test)]
    pub(super) const fn keeps(self, rule: Rule) -> bool {
        self.broken & (1 << rule as u32) == 0
    }

    #[cfg(test)]
    pub(super) fn without(rules: &[Rule]) -> Self {
        let broken = rules.iter().fold(0, |bits, &rule| bits | 1 << rule as u32);
        Self { broken }
    }
}
