//! What an election tells: to those who watch, in metrics and in events.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use tokio::sync::watch;

use crate::coordination::{AcquireError, FencingToken, NodeId};
use crate::name::Name;
use crate::telemetry::{Counter, Gauge, Histogram, Scope, event};

use super::{Leadership, Term};

#[derive(Debug)]
pub(super) struct Board {
    leadership: watch::Sender<Leadership>,
    scope: Scope,
    leading: Gauge,
    at_risk: Counter,
    terms: Counter,
    renewals: Histogram,
    renewals_failed: Counter,
    resigned: Counter,
    lost: Counter,
    unsealed: Counter,
}

impl Board {
    pub(super) fn new(name: Name, leadership: watch::Sender<Leadership>) -> Self {
        let scope = Scope::new("election", name);
        let ends = |end| scope.counter_by("mainstay_election_ends_total", "end", end);
        Self {
            leadership,
            leading: scope.gauge("mainstay_election_leading"),
            at_risk: scope.counter("mainstay_election_at_risk_total"),
            terms: scope.counter("mainstay_election_terms_total"),
            renewals: scope.histogram("mainstay_election_renewal_seconds"),
            renewals_failed: scope.counter("mainstay_election_renewals_failed_total"),
            resigned: ends("resigned"),
            lost: ends("lost"),
            unsealed: ends("unsealed"),
            scope,
        }
    }

    /// Another leads, as far as `leader` is known.
    pub(super) fn follows(&self, leader: Option<NodeId>) {
        self.leadership.send_if_modified(|present| {
            let is_known =
                matches!(present, Leadership::Follower { leader: known } if *known == leader);
            if !is_known {
                *present = Leadership::Follower { leader };
            }
            !is_known
        });
    }

    pub(super) fn unavailable(&self, error: &AcquireError) {
        match error.source() {
            Some(source) => event(&self.scope, "lease unavailable", format_args!("{source}")),
            None => event(&self.scope, "lease unavailable", format_args!("{error}")),
        }
    }

    pub(super) fn elected(&self, term: &Term) {
        self.terms.increment(1);
        self.leading.increment(1.0);
        event(
            &self.scope,
            "elected",
            format_args!("term {}", term.token()),
        );
        self.tell(Leadership::Elected(term.clone()));
    }

    pub(super) fn at_risk(&self, term: &Term) {
        self.at_risk.increment(1);
        let left = term.remaining();
        event(
            &self.scope,
            "leadership at risk",
            format_args!(
                "term {} ends in {left:?} unless it is renewed",
                term.token()
            ),
        );
        self.tell(Leadership::AtRisk(term.clone()));
    }

    pub(super) fn renewed(&self, term: &Term, took: Duration, was_at_risk: bool) {
        self.renewals.record(took);
        if was_at_risk {
            self.tell(Leadership::Elected(term.clone()));
        }
    }

    pub(super) fn not_renewed(&self) {
        self.renewals_failed.increment(1);
    }

    pub(super) fn unsealed(&self, token: FencingToken, why: &dyn fmt::Display) {
        self.unsealed.increment(1);
        event(
            &self.scope,
            "term not begun",
            format_args!("term {token}: {why}"),
        );
    }

    /// A term that had begun; how it ended is told beside.
    pub(super) fn over(&self) {
        self.leading.decrement(1.0);
    }

    pub(super) fn resigned(&self, token: FencingToken) {
        self.resigned.increment(1);
        event(&self.scope, "resigned", format_args!("term {token}"));
        self.tell(Leadership::Follower { leader: None });
    }

    /// The term is over before its lease is.
    pub(super) fn expiring(&self, token: FencingToken) {
        self.tell(Leadership::Expiring(token));
    }

    pub(super) fn lost(&self, token: FencingToken) {
        self.lost.increment(1);
        event(&self.scope, "leadership lost", format_args!("term {token}"));
        self.tell(Leadership::Lost(token));
    }

    fn tell(&self, leadership: Leadership) {
        self.leadership.send_replace(leadership);
    }
}
