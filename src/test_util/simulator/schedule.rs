//! What is still to happen, in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Debug)]
pub(super) enum Due<M> {
    Arrive { to: usize, from: usize, message: M },
    Wake { node: usize },
    Boot { node: usize, life: u64 },
    CrashFault { node: usize },
    PauseFault { node: usize },
    CutFault,
}

/// The heap holds times alone, which are small; what is due then stands beside it.
#[derive(Debug)]
pub(super) struct Schedule<M> {
    heap: BinaryHeap<Reverse<(u64, u64, usize)>>,
    order: u64,
    due: Vec<Option<Due<M>>>,
    free: Vec<usize>,
}

impl<M> Schedule<M> {
    pub(super) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            order: 0,
            due: Vec::new(),
            free: Vec::new(),
        }
    }

    /// What is planned for one instant happens in the order in which it was planned.
    pub(super) fn plan(&mut self, at: u64, due: Due<M>) {
        let free = self.free.pop();
        let free = free.and_then(|place| Some((place, self.due.get_mut(place)?)));
        let place = if let Some((place, empty)) = free {
            *empty = Some(due);
            place
        } else {
            self.due.push(Some(due));
            self.due.len().saturating_sub(1)
        };
        self.heap.push(Reverse((at, self.order, place)));
        self.order = self.order.saturating_add(1);
    }

    pub(super) fn next(&mut self) -> Option<(u64, Due<M>)> {
        let Reverse((at, _, place)) = self.heap.pop()?;
        let due = self.due.get_mut(place)?.take()?;
        self.free.push(place);
        Some((at, due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_comes_first_and_at_one_instant_what_was_planned_first() {
        let mut schedule = Schedule::<()>::new();
        for (at, node) in [(7, 0), (3, 1), (7, 2), (0, 3)] {
            schedule.plan(at, Due::CrashFault { node });
        }
        let mut seen = Vec::new();
        while let Some((_, due)) = schedule.next() {
            let Due::CrashFault { node } = due else {
                unreachable!()
            };
            seen.push(node);
            assert!(seen.len() < 9);
            if node == 1 {
                schedule.plan(3, Due::CrashFault { node: 4 });
            }
        }
        assert_eq!(seen, [3, 1, 4, 0, 2]);
        assert_eq!(schedule.due.len(), 4);
    }
}
