//! What becomes of a message on its way.

use super::dice::{Dice, nanos};
use super::options::Options;

/// Which way is cut until when, from one node to another.
#[derive(Debug)]
pub(super) struct Network {
    size: usize,
    cut_until: Vec<u64>,
}

impl Network {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            cut_until: vec![0; size.saturating_mul(size)],
        }
    }

    /// When each copy of a message arrives that leaves now.
    pub(super) fn arrivals(
        &self,
        (from, to): (usize, usize),
        now: u64,
        faults_end: Option<u64>,
        options: &Options,
        dice: &Dice,
    ) -> [Option<u64>; 2] {
        if from == to {
            return [Some(now), None];
        }
        if self.is_cut(from, to, now) {
            return [None, None];
        }
        let (min, max) = (nanos(options.delay_min), nanos(options.delay_max));
        let usual = || {
            let wait = dice.below(max.saturating_sub(min).saturating_add(1));
            now.saturating_add(min).saturating_add(wait)
        };
        let Some(faults_end) = faults_end else {
            return [Some(usual()), None];
        };
        let arrival = || {
            if dice.hits(options.dropped) {
                return None;
            }
            let at = usual();
            if !dice.hits(options.late) {
                return Some(at);
            }
            // As all faults, it ends when they do.
            let late = at.saturating_add(dice.up_to(options.late_max));
            Some(late.min(faults_end.max(at)))
        };
        let first = arrival();
        let is_doubled = dice.hits(options.doubled);
        [first, is_doubled.then(arrival).flatten()]
    }

    fn is_cut(&self, from: usize, to: usize, now: u64) -> bool {
        let until = self.cut_until.get(self.place(from, to));
        until.is_some_and(|&until| now < until)
    }

    /// Cuts some way or other.
    pub(super) fn cut(&mut self, until: u64, dice: &Dice) {
        let one = dice.index(self.size);
        let step = dice.index(self.size.saturating_sub(1)).saturating_add(1);
        let other = one.saturating_add(step).checked_rem(self.size).unwrap_or(0);
        let (out, back) = dice.one_of([(true, true), (true, false), (false, true)], (true, true));
        let is_through = dice.one_of([0, 1, 2], 0);
        // Those on the one side.
        let side = dice.0.bits();
        for from in 0..self.size {
            for to in 0..self.size {
                let is_out = match is_through {
                    0 => (from, to) == (one, other),
                    1 => from == one,
                    _ => is_in(side, from) && !is_in(side, to),
                };
                let is_back = match is_through {
                    0 => (to, from) == (one, other),
                    1 => to == one,
                    _ => is_in(side, to) && !is_in(side, from),
                };
                if (is_out && out) || (is_back && back) {
                    let place = self.place(from, to);
                    if let Some(cut) = self.cut_until.get_mut(place) {
                        *cut = until.max(*cut);
                    }
                }
            }
        }
    }

    const fn place(&self, from: usize, to: usize) -> usize {
        from.saturating_mul(self.size).saturating_add(to)
    }
}

fn is_in(side: u64, node: usize) -> bool {
    let bit = u32::try_from(node).unwrap_or(0);
    side.rotate_right(bit) & 1 == 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::Ratio;
    use crate::rng::Rng;

    use super::*;

    fn ways(network: &Network, size: usize) -> Vec<(usize, usize)> {
        let pairs = (0..size).flat_map(|from| (0..size).map(move |to| (from, to)));
        pairs
            .filter(|&(from, to)| network.is_cut(from, to, 0))
            .collect()
    }

    #[test]
    fn cuts_are_of_each_shape_and_heal() {
        let (mut one_way, mut pair, mut around, mut through) = (0, 0, 0, 0);
        for seed in 0..1000 {
            let dice = Dice(Rng::seeded(seed));
            let mut network = Network::new(4);
            network.cut(10, &dice);
            let cut = ways(&network, 4);
            let is_both = cut.iter().all(|&(from, to)| cut.contains(&(to, from)));
            match (cut.len(), is_both) {
                (1, false) => one_way += 1,
                (2, true) => pair += 1,
                (6, true) => around += 1,
                (8, true) | (4, false) => through += 1,
                _ => {}
            }
            assert!((0..4).all(|node| (0..4).all(|to| !network.is_cut(node, to, 10))));
            network.cut(5, &dice);
            assert!(ways(&network, 4).len() >= cut.len());
        }
        assert!(
            [one_way, pair, around, through]
                .iter()
                .all(|&seen| seen > 50)
        );
        Network::new(1).cut(1, &Dice(Rng::seeded(0)));
    }

    #[test]
    fn what_a_node_tells_itself_arrives_and_shares_of_one_and_nothing_are_exact() {
        let (network, dice) = (Network::new(2), Dice(Rng::seeded(1)));
        let all = Options::calm_sea(0).dropped(Ratio::ONE);
        assert_eq!(
            network.arrivals((1, 1), 5, Some(9), &all, &dice),
            [Some(5), None]
        );
        assert_eq!(
            network.arrivals((0, 1), 5, Some(9), &all, &dice),
            [None, None]
        );
        let twice = Options::calm_sea(0).doubled(Ratio::ONE);
        let at_once = twice.delay(Duration::ZERO, Duration::ZERO);
        assert_eq!(
            network.arrivals((0, 1), 5, Some(9), &at_once, &dice),
            [Some(5); 2]
        );
        assert_eq!(
            network.arrivals((0, 1), 5, None, &at_once, &dice),
            [Some(5), None]
        );
    }
}
