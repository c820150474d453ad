//! An election, seen by one who sees everybody: what must hold at every instant.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::time::Duration;

use crate::coordination::{
    AcceptorId, Ballot, Event, FencingToken, Grant, Members, MembersConfig, Moment, TokenRecord,
};
use crate::test_util::simulator::{Birth, Cluster, Options, Store, View};

use super::candidate::Candidate;
use super::granter::Granter;
use super::member::{Member, Report};
use super::resource::Resource;
use super::settings::{Broken, Settings, TTL};

/// Acceptors come first, then proposers, then the resource if there is one.
pub(super) struct Election {
    settings: Settings,
    calm_from: Duration,
    members: Members,
    leader: Option<usize>,
    left: Option<Duration>,
    /// Who granted what, as bits.
    grants: BTreeMap<Ballot, u64>,
    records: Vec<Option<TokenRecord>>,
    /// Whose disk was lost.
    are_gone: Vec<bool>,
    sealed: Option<FencingToken>,
    has_led_in_calm: bool,
    pub(super) seen: Seen,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) terms: u64,
    pub(super) renewals: u64,
    pub(super) resigned: u64,
    pub(super) writes: u64,
    /// Of a term after which another had begun, and let in by the gate that had not been sealed.
    pub(super) late: u64,
    pub(super) refused: u64,
    pub(super) seals: u64,
    /// Calm parts of runs in which there had to be a leader.
    pub(super) settled: u64,
    pub(super) last: Option<FencingToken>,
    /// How long nobody was elected after the first leader had left.
    pub(super) vacant: Option<Duration>,
    /// Whether somebody was waiting to be told.
    pub(super) awaited: bool,
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.terms += other.terms;
        self.renewals += other.renewals;
        self.resigned += other.resigned;
        self.writes += other.writes;
        self.late += other.late;
        self.refused += other.refused;
        self.seals += other.seals;
        self.settled += other.settled;
        self.last = self.last.max(other.last);
    }
}

impl Election {
    pub(super) fn with(settings: Settings, options: &Options) -> Self {
        let ids = (0..settings.acceptors).map(|id| AcceptorId(u32::try_from(id).unwrap()));
        Self {
            settings,
            calm_from: options.faults_end(),
            members: Members::new(MembersConfig::new(ids)).unwrap(),
            leader: None,
            left: None,
            grants: BTreeMap::new(),
            records: vec![None; settings.acceptors + settings.proposers + 1],
            are_gone: vec![false; settings.acceptors],
            sealed: None,
            has_led_in_calm: false,
            seen: Seen::default(),
        }
    }

    fn candidates<'v>(
        &self,
        view: &'v View<'_, Member>,
    ) -> impl Iterator<Item = (usize, &'v Candidate)> {
        let nodes = self.settings.acceptors..self.settings.acceptors + self.settings.proposers;
        nodes.filter_map(|node| Some((node, view.machine(node)?.candidate()?)))
    }

    fn report(&mut self, report: Report, of: usize, view: &View<'_, Member>) -> Result<(), String> {
        match report {
            Report::AnsweredInQuarantine => Err("I5: an answer in quarantine".to_owned()),
            Report::Overdue(token) => Err(format!("I8: {of} uses {token} when it may not")),
            Report::Granted(accepted) => {
                *self.grants.entry(accepted.ballot).or_default() |= 1 << accepted.from.0;
                Ok(())
            }
            Report::Changed { event, before, by } => match event {
                Event::Elected(grant) => self.elected(grant, of, by, view),
                Event::Renewed(grant) if before != Some(grant.token) => {
                    Err(format!("I3: {} renews {before:?}", grant.token))
                }
                Event::Renewed(grant) => {
                    self.seen.renewals += 1;
                    self.granted(grant, of, by, view)
                }
                Event::Resigned(_) => {
                    self.seen.resigned += 1;
                    self.left(of, view);
                    Ok(())
                }
                Event::Abandoned { .. } => Ok(()),
            },
            Report::Sealed(token) => {
                self.seen.seals += 1;
                self.sealed = self.sealed.max(Some(token));
                Ok(())
            }
            Report::Refused => {
                self.seen.refused += 1;
                Ok(())
            }
            Report::Wrote(token) => {
                self.seen.writes += 1;
                self.seen.late += u64::from(Some(token) < self.seen.last);
                if Some(token) < self.sealed {
                    return Err(format!("I7: {token} writes after {:?} sealed", self.sealed));
                }
                Ok(())
            }
        }
    }

    fn left(&mut self, of: usize, view: &View<'_, Member>) {
        if self.leader == Some(of) && self.left.is_none() {
            self.left = Some(view.now());
            let is_waiting = |(node, candidate): (usize, &Candidate)| {
                candidate.is_waiting(Moment::from_origin(view.clock(node)))
            };
            let is_awaited = self.candidates(view).any(is_waiting);
            self.seen.awaited = is_awaited;
        }
    }

    fn elected(
        &mut self,
        grant: Grant,
        of: usize,
        by: Option<(Ballot, Moment)>,
        view: &View<'_, Member>,
    ) -> Result<(), String> {
        if self.seen.last >= Some(grant.token) {
            return Err(format!("I2: {} after {:?}", grant.token, self.seen.last));
        }
        self.seen.last = Some(grant.token);
        self.seen.terms += 1;
        self.leader = Some(of);
        let wait = self.left.map(|left| view.now().saturating_sub(left));
        self.seen.vacant = self.seen.vacant.or(wait);
        self.granted(grant, of, by, view)
    }

    fn granted(
        &mut self,
        grant: Grant,
        of: usize,
        by: Option<(Ballot, Moment)>,
        view: &View<'_, Member>,
    ) -> Result<(), String> {
        self.has_led_in_calm |= view.now() >= self.calm_from;
        let (ballot, _) = by.ok_or("I8: a lease that nobody asked for")?;
        let votes = self.grants.get(&ballot).copied().unwrap_or_default();
        if usize::try_from(votes.count_ones()).unwrap() < self.members.quorum() {
            return Err(format!("I4: {votes:#b} grant {}", grant.token));
        }
        let ttl = self.settings.proposer_ttl(of - self.settings.acceptors);
        let granters = (0..self.settings.acceptors).filter(|node| votes >> node & 1 == 1);
        for granter in granters {
            if self.settings.acceptor_ttl(granter) < ttl && self.settings.broken != Broken::AnyTtl {
                return Err(format!("I1: {granter} grants {of} a ttl above its own"));
            }
        }
        let other = self.candidates(view).find(|(other, candidate)| {
            let now = Moment::from_origin(view.clock(*other));
            let until = candidate.proposer.held_until();
            *other != of && until.is_some_and(|until| now < until)
        });
        match other {
            Some((other, _)) => Err(format!("I1: {of} besides {other}")),
            None => Ok(()),
        }
    }
}

impl Cluster for Election {
    type Machine = Member;

    fn size(&self) -> usize {
        let Settings {
            acceptors,
            proposers,
            has_gate,
            ..
        } = self.settings;
        acceptors + proposers + usize::from(has_gate)
    }

    fn boot(&mut self, birth: Birth<TokenRecord>) -> Member {
        let (settings, node) = (&self.settings, birth.node());
        if node < settings.acceptors {
            if *birth.store() == Store::Lost {
                self.records[node] = None;
                self.are_gone[node] = settings.broken != Broken::Rejoins;
            }
            if self.are_gone[node] {
                return Member::Gone;
            }
            return Member::Granter(Granter::born(settings, &birth));
        }
        if node < settings.acceptors + settings.proposers {
            return Member::Candidate(Candidate::born(settings, &self.members, &birth));
        }
        Member::Resource(Resource::born(settings.broken, &birth, self.records[node]))
    }

    fn check(&mut self, view: &View<'_, Member>) -> Result<(), String> {
        let Some(of) = view.acted() else {
            return Ok(());
        };
        if let Some(record) = view.record(of) {
            let before = self.records[of].replace(*record);
            if before.is_some_and(|before| before.token > record.token) {
                return Err("I6: what is durable falls".to_owned());
            }
        }
        let Some(member) = view.machine(of) else {
            self.left(of, view);
            return Ok(());
        };
        for &report in member.reports() {
            self.report(report, of, view)?;
        }
        Ok(())
    }

    fn settled(&mut self, _: &View<'_, Member>) -> Result<(), String> {
        // One that takes the longer ttl is of no use to the others while who may not have it holds on to it.
        let is_of_use =
            |node: &usize| !self.are_gone[*node] && self.settings.acceptor_ttl(*node) == TTL;
        let there = (0..self.settings.acceptors).filter(is_of_use);
        if there.count() < self.members.quorum() || self.settings.duels {
            return Ok(());
        }
        self.seen.settled += 1;
        if self.has_led_in_calm {
            Ok(())
        } else {
            Err("I9: nobody leads although nothing is in the way".to_owned())
        }
    }
}
