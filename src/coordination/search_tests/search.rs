//! Breadth first through all worlds within bounds: what is found is found by the shortest way.

use super::bounds::Bounds;
use super::branch::{Action, Branch};
use super::parts::{Invariant, Parts, Term};
use super::pool::Found;
use super::trace::{self, Trace};
use super::world::World;

pub(super) struct Search {
    parts: Parts,
    found: Found<World>,
    /// From which world each was found.
    from: Vec<u32>,
    pub(super) seen: Seen,
}

/// What happened in all the worlds together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) worlds: usize,
    pub(super) branches: u64,
    pub(super) depth: usize,
    pub(super) elections: u64,
    pub(super) renewals: u64,
    pub(super) crashes: u64,
    pub(super) deaths: u64,
    pub(super) releases: u64,
    /// The highest that there was.
    pub(super) token: u64,
}

impl Search {
    pub(super) fn new(bounds: Bounds) -> Self {
        let mut parts = Parts::new(bounds);
        let mut found = Found::new();
        let first = World::first(&mut parts).sorted(&mut parts);
        found.add(first);
        Self {
            parts,
            found,
            from: vec![0],
            seen: Seen::default(),
        }
    }

    /// Looks at everything, until `is_sought` is violated.
    pub(super) fn run(&mut self, is_sought: impl Fn(Invariant) -> bool) -> Option<Trace> {
        let (mut at, mut level) = (0, 1);
        let mut next = Vec::new();
        while at < self.found.all.len() {
            if at == level {
                level = self.found.all.len();
                self.seen.depth += 1;
            }
            let world = self.found.all[at];
            world.next(&mut self.parts, &mut next);
            for branch in &next {
                self.seen.count(branch);
                let sorted = branch.world.sorted(&mut self.parts);
                let mut faults = branch.faults(&self.parts);
                if let Some(invariant) = faults.find(|fault| is_sought(*fault)) {
                    drop(faults);
                    self.seen.worlds = self.found.all.len();
                    return Some(self.trace(at, invariant));
                }
                if self.found.add(sorted) {
                    self.from.push(u32::try_from(at).unwrap());
                }
            }
            at += 1;
        }
        self.seen.worlds = self.found.all.len();
        None
    }

    /// How many worlds differ in more than the order of their acceptors, what nobody can see, and what makes
    /// no difference yet.
    pub(super) fn classes(&mut self) -> usize {
        self.parts.bounds.symmetric = true;
        let [acceptors, proposers] = self.parts.merged();
        let mut classes = Found::new();
        for world in &self.found.all {
            if !world.is_between(&self.parts) {
                let mut world = *world;
                for column in &mut world.columns {
                    column.acceptor = acceptors[usize::from(column.acceptor)];
                }
                let merged = |proposer| proposers[usize::from(proposer)];
                world.proposers = world.proposers.map(merged);
                classes.add(world.sorted(&mut self.parts));
            }
        }
        classes.all.len()
    }

    /// Once more, with every acceptor under one name all the way.
    fn trace(&mut self, last: usize, invariant: Invariant) -> Trace {
        let mut way = vec![last];
        while let Some(&at) = way.last().filter(|at| **at != 0) {
            way.push(self.from[at] as usize);
        }
        way.reverse();
        let parts = &mut self.parts;
        let mut world = World::first(parts);
        let mut steps = Vec::new();
        let mut next: Vec<Branch> = Vec::new();
        for place in &way[1..] {
            world.next(parts, &mut next);
            let is_next = |branch: &&Branch| branch.world.sorted(parts) == self.found.all[*place];
            let branch = next.iter().find(is_next).expect("the way was gone before");
            steps.push(trace::say(branch.action, parts));
            world = branch.world;
        }
        world.next(parts, &mut next);
        let ends = next.iter().find(|branch| {
            let mut faults = branch.faults(parts);
            faults.any(|fault| fault == invariant)
        });
        let ends = ends.expect("the way was gone before");
        steps.push(trace::say(ends.action, parts));
        Trace { invariant, steps }
    }
}

impl Seen {
    fn count(&mut self, branch: &Branch) {
        self.branches += 1;
        match branch.event {
            Some(Term::Begun(token)) => {
                self.elections += 1;
                self.token = self.token.max(token.number());
            }
            Some(Term::Renewed(_)) => self.renewals += 1,
            None => {}
        }
        match branch.action {
            Action::Crash(_) => self.crashes += 1,
            Action::Die(_) => self.deaths += 1,
            Action::Resign(_) => self.releases += 1,
            _ => {}
        }
    }
}
