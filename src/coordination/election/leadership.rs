//! How this node stands, for those who watch.

use std::ops::Deref;

use tokio::sync::watch;

use crate::coordination::{FencingToken, NodeId, Timing};

use super::Term;

/// How this node stands in its election.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Leadership {
    /// It does not lead.
    Follower {
        /// Who does, as far as the last campaign has learnt.
        leader: Option<NodeId>,
    },
    /// It leads. The term may be over by now: [`Term::is_valid`] says.
    Elected(Term),
    /// It leads, but half of the lease has passed and it could not be renewed.
    AtRisk(Term),
    /// The term was not renewed in time and is over. Its lease ends in the margin.
    Expiring(FencingToken),
    /// The lease of the term was lost; somebody else may lead. A further campaign goes on from here.
    Lost(FencingToken),
}

impl Leadership {
    /// The term in which this node leads, or did just now.
    pub const fn term(&self) -> Option<&Term> {
        match self {
            Self::Elected(term) | Self::AtRisk(term) => Some(term),
            Self::Follower { .. } | Self::Expiring(_) | Self::Lost(_) => None,
        }
    }
}

/// Watches how this node stands. It sees the latest, and not each step on the way there.
///
/// Each has a mark of its own up to where it has seen; a clone begins with that of its original.
#[derive(Clone, Debug)]
pub struct LeadershipWatch {
    receiver: watch::Receiver<Leadership>,
    seen: Leadership,
    timing: Timing,
}

impl LeadershipWatch {
    pub(in crate::coordination) fn new(
        mut receiver: watch::Receiver<Leadership>,
        timing: Timing,
    ) -> Self {
        let seen = receiver.borrow_and_update().clone();
        Self {
            receiver,
            seen,
            timing,
        }
    }

    /// How it stands now. As long as nothing has changed it takes an atomic load, and no lock.
    #[inline]
    pub fn latest(&mut self) -> &Leadership {
        // An error says that no change will come; one may be there that was not seen yet.
        if self.receiver.has_changed().unwrap_or(true) {
            self.look();
        }
        &self.seen
    }

    /// How long the leases of the election last.
    pub const fn timing(&self) -> Timing {
        self.timing
    }

    /// How it stands now, whatever was seen before. It takes a lock that only a change keeps for longer.
    pub(in crate::coordination) fn now(&self) -> impl Deref<Target = Leadership> + '_ {
        self.receiver.borrow()
    }

    /// Waits for a change since the last look, and returns how it stands then; `None` when there will be
    /// none, because the election has ended.
    ///
    /// # Cancel safety
    /// Dropped, the change is still to be seen.
    pub async fn changed(&mut self) -> Option<&Leadership> {
        self.receiver.changed().await.ok()?;
        self.look();
        Some(&self.seen)
    }

    fn look(&mut self) {
        self.seen = self.receiver.borrow_and_update().clone();
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::coordination::TimingConfig;

    fn lost(number: u64) -> Leadership {
        Leadership::Lost(FencingToken::from_number(number).unwrap())
    }

    fn number(leadership: &Leadership) -> Option<u64> {
        match leadership {
            Leadership::Lost(token) => Some(token.number()),
            _ => None,
        }
    }

    #[test]
    fn it_sees_the_latest_once_and_then_the_end() {
        let (sender, receiver) = watch::channel(Leadership::Follower { leader: None });
        let timing = Timing::new(TimingConfig::default()).unwrap();
        let mut watch = LeadershipWatch::new(receiver, timing);
        assert_eq!(number(watch.latest()), None);
        assert!(watch.changed().now_or_never().is_none());
        sender.send_replace(lost(1));
        sender.send_replace(lost(2));
        assert_eq!(number(watch.latest()), Some(2));
        assert!(watch.changed().now_or_never().is_none(), "seen already");
        sender.send_replace(lost(3));
        let mut twin = watch.clone();
        drop(sender);
        assert_eq!(number(watch.latest()), Some(3), "the last word counts");
        let changed = twin.changed().now_or_never().unwrap();
        assert_eq!(changed.and_then(number), Some(3));
        assert!(twin.changed().now_or_never().unwrap().is_none());
    }
}
