//! Whether a history can be explained by one thing that happens at a time.
//!
//! The search is Wing and Gong's ("Testing and verifying concurrent objects", 1993) with Lowe's memory of
//! the configurations that were seen ("Testing for linearizability", 2017): an operation may be the next one when
//! none that has ended before it began is still to come.

use std::collections::HashSet;
use std::hash::Hash;

/// One operation, by when it was called and when its caller was answered.
#[derive(Clone, Debug)]
pub(super) struct Operation<O, A> {
    pub(super) called: u64,
    /// `None` when the caller never knew: then it may have happened at any time since, or never.
    pub(super) answered: Option<(u64, A)>,
    pub(super) what: O,
}

/// What one operation does to a state, when nothing else happens.
pub(super) type Step<S, O, A> = fn(&S, &O) -> (S, A);

/// Whether there is an order that fits. At most 128 operations.
pub(super) fn is_linearizable<S, O, A>(
    history: &[Operation<O, A>],
    first: S,
    step: Step<S, O, A>,
) -> bool
where
    S: Clone + Eq + Hash,
    A: PartialEq,
{
    assert!(history.len() <= 128, "{} operations", history.len());
    let mut seen = HashSet::new();
    let mut open = vec![(0_u128, first)];
    while let Some((done, state)) = open.pop() {
        if !seen.insert((done, state.clone())) {
            continue;
        }
        let is_left = |at: &usize| done & (1 << at) == 0;
        let left: Vec<_> = (0..history.len()).filter(is_left).collect();
        if left.iter().all(|&at| history[at].answered.is_none()) {
            return true;
        }
        let ends = left.iter().filter_map(|&at| history[at].answered.as_ref());
        let first_end = ends.map(|(at, _)| *at).min().unwrap_or(u64::MAX);
        for at in left {
            let operation = &history[at];
            if operation.called > first_end {
                continue;
            }
            let (next, answer) = step(&state, &operation.what);
            if operation
                .answered
                .as_ref()
                .is_none_or(|(_, answered)| *answered == answer)
            {
                open.push((done | 1 << at, next));
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Do {
        Add,
        Read,
    }

    /// What, when it was called, and when it was answered with what.
    type Call = (Do, u64, Option<(u64, u64)>);

    fn holds(history: &[Call]) -> bool {
        let counter = |state: &u64, what: &Do| match what {
            Do::Add => (state + 1, state + 1),
            Do::Read => (*state, *state),
        };
        let history: Vec<_> = history
            .iter()
            .map(|&(what, called, answered)| Operation {
                called,
                answered,
                what,
            })
            .collect();
        is_linearizable(&history, 0, counter)
    }

    #[test]
    fn what_happens_in_order_holds_and_what_goes_back_does_not() {
        assert!(holds(&[]));
        assert!(holds(&[
            (Do::Add, 0, Some((1, 1))),
            (Do::Read, 2, Some((3, 1)))
        ]));
        assert!(!holds(&[
            (Do::Add, 0, Some((1, 1))),
            (Do::Read, 2, Some((3, 0)))
        ]));
    }

    #[test]
    fn what_overlaps_may_come_in_either_order() {
        for (one, other) in [(1, 2), (2, 1)] {
            assert!(holds(&[
                (Do::Add, 0, Some((10, one))),
                (Do::Add, 5, Some((15, other)))
            ]));
        }
        assert!(!holds(&[
            (Do::Add, 0, Some((10, 2))),
            (Do::Add, 11, Some((15, 1)))
        ]));
    }

    #[test]
    fn a_lost_update_does_not_hold() {
        assert!(!holds(&[
            (Do::Add, 0, Some((10, 1))),
            (Do::Add, 0, Some((10, 1)))
        ]));
    }

    #[test]
    fn what_was_never_answered_may_have_happened_or_not_but_not_before_it_was_called() {
        let pending = (Do::Add, 5, None);
        assert!(holds(&[pending, (Do::Read, 6, Some((7, 0)))]));
        assert!(holds(&[pending, (Do::Read, 6, Some((7, 1)))]));
        assert!(holds(&[
            pending,
            (Do::Read, 6, Some((7, 0))),
            (Do::Read, 8, Some((9, 1)))
        ]));
        assert!(!holds(&[
            pending,
            (Do::Read, 6, Some((7, 1))),
            (Do::Read, 8, Some((9, 0)))
        ]));
        assert!(!holds(&[pending, (Do::Read, 1, Some((4, 1)))]));
    }

    #[test]
    fn an_order_that_a_greedy_search_would_miss_is_found() {
        assert!(holds(&[
            (Do::Add, 0, Some((100, 3))),
            (Do::Add, 1, Some((50, 1))),
            (Do::Read, 2, Some((60, 1))),
            (Do::Add, 61, Some((90, 2)))
        ]));
    }
}
