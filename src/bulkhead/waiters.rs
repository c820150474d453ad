//! Those who wait, in the order in which they came.
//!
//! # Invariants
//! - I1: every operation takes the same few steps, however many wait.
//! - I2: a place that was left, or granted and taken, is free for the next who comes; memory is that of
//!   the most who ever had a place at once, and none before somebody waits.
//! - I3: a ticket that was used up reaches nobody.
//!
//! The wakers that operations give back are dropped or called by the caller, after the lock is gone:
//! both may run a task's code, and that may come back here.

use std::mem;
use std::task::Waker;

/// A list linked through slots that are used again.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    slots: Vec<Slot>,
    free: Link,
    oldest: Link,
    newest: Link,
    waiting: u32,
}

type Link = Option<u32>;

#[derive(Debug)]
struct Slot {
    generation: u32,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Free {
        next: Link,
    },
    Waiting {
        older: Link,
        newer: Link,
        waker: Option<Waker>,
    },
    Granted,
}

/// The right to one place.
#[derive(Debug)]
pub(super) struct Ticket {
    index: u32,
    generation: u32,
}

impl Waiters {
    pub(super) fn waiting(&self) -> u32 {
        self.waiting
    }

    /// A place behind all who wait.
    pub(super) fn push(&mut self) -> Ticket {
        let index = self.free_slot();
        let older = self.newest.replace(index);
        let mut generation = 0;
        if let Some(slot) = self.slot(index) {
            generation = slot.generation;
            slot.place = Place::Waiting {
                older,
                newer: None,
                waker: None,
            };
        }
        self.link_newer(older, Some(index));
        self.waiting = self.waiting.saturating_add(1);
        Ticket { index, generation }
    }

    /// Grants a permit to the newest or the oldest who waits; the waker to call, if it has been polled.
    pub(super) fn grant(&mut self, newest: bool) -> Option<Waker> {
        let index = if newest { self.newest } else { self.oldest }?;
        let waker = self.unlink(index);
        if let Some(slot) = self.slot(index) {
            slot.place = Place::Granted;
        }
        waker
    }

    /// Whether the holder was granted a permit, which uses the ticket up. If not, `waker` is kept to be
    /// called then, and the one kept before is put in its place.
    pub(super) fn look(&mut self, ticket: &Ticket, waker: &mut Option<Waker>) -> bool {
        match self.held(ticket) {
            Some(Place::Waiting { waker: kept, .. }) => {
                mem::swap(kept, waker);
                false
            }
            Some(Place::Granted) => {
                self.vacate(ticket.index);
                true
            }
            Some(Place::Free { .. }) | None => false,
        }
    }

    /// Gives the place up; whether a permit was granted to it that nobody has taken. The waker that was
    /// kept, if any, is put in `waker`.
    pub(super) fn leave(&mut self, ticket: &Ticket, waker: &mut Option<Waker>) -> bool {
        let granted = match self.held(ticket) {
            Some(Place::Waiting { .. }) => {
                *waker = self.unlink(ticket.index);
                false
            }
            Some(Place::Granted) => true,
            Some(Place::Free { .. }) | None => return false,
        };
        self.vacate(ticket.index);
        granted
    }

    fn slot(&mut self, index: u32) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(index).ok()?)
    }

    /// The place that `ticket` gives a right to, unless it was used up (I3).
    fn held(&mut self, ticket: &Ticket) -> Option<&mut Place> {
        let slot = self.slot(ticket.index)?;
        (slot.generation == ticket.generation).then_some(&mut slot.place)
    }

    fn free_slot(&mut self) -> u32 {
        let reused = self.free;
        if let Some(index) = reused {
            if let Some(Place::Free { next }) = self.slot(index).map(|slot| &slot.place) {
                self.free = *next;
            }
            return index;
        }
        let index = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(Slot {
            generation: 0,
            place: Place::Granted,
        });
        index
    }

    fn vacate(&mut self, index: u32) {
        let next = self.free.replace(index);
        if let Some(slot) = self.slot(index) {
            slot.generation = slot.generation.wrapping_add(1);
            slot.place = Place::Free { next };
        }
    }

    /// Takes one who waits out of the line; its slot is still its own.
    fn unlink(&mut self, index: u32) -> Option<Waker> {
        let Some(Place::Waiting {
            older,
            newer,
            waker,
        }) = self.slot(index).map(|slot| &mut slot.place)
        else {
            return None;
        };
        let (older, newer, waker) = (*older, *newer, waker.take());
        self.link_newer(older, newer);
        self.link_older(newer, older);
        self.waiting = self.waiting.saturating_sub(1);
        waker
    }

    /// Makes `newer` the neighbour behind `index`; at the end of the line, the end.
    fn link_newer(&mut self, index: Link, newer: Link) {
        match index.and_then(|index| self.slot(index)) {
            Some(Slot {
                place: Place::Waiting { newer: link, .. },
                ..
            }) => *link = newer,
            _ => self.oldest = newer,
        }
    }

    fn link_older(&mut self, index: Link, older: Link) {
        match index.and_then(|index| self.slot(index)) {
            Some(Slot {
                place: Place::Waiting { older: link, .. },
                ..
            }) => *link = older,
            _ => self.newest = older,
        }
    }
}

#[cfg(test)]
impl Waiters {
    /// How many slots are in use, and how many there are.
    pub(super) fn slots(&self) -> (usize, usize) {
        let free = |slot: &&Slot| matches!(slot.place, Place::Free { .. });
        let unused = self.slots.iter().filter(free).count();
        (self.slots.len() - unused, self.slots.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_granted(waiters: &mut Waiters, ticket: &Ticket) -> bool {
        waiters.look(ticket, &mut Some(Waker::noop().clone()))
    }

    #[test]
    fn any_of_them_can_leave_and_the_others_keep_their_order_i1() {
        for gone in 0..4 {
            let mut waiters = Waiters::default();
            let mut tickets: Vec<_> = (0..4).map(|_| waiters.push()).collect();
            waiters.leave(&tickets.remove(gone), &mut None);
            assert_eq!(waiters.waiting(), 3);
            waiters.grant(true);
            assert!(is_granted(&mut waiters, &tickets.pop().unwrap()));
            for ticket in tickets {
                waiters.grant(false);
                assert!(is_granted(&mut waiters, &ticket));
            }
            assert_eq!((waiters.waiting(), waiters.slots()), (0, (0, 4)));
            assert_eq!((waiters.oldest, waiters.newest), (None, None));
        }
    }

    #[test]
    fn places_are_used_again_i2() {
        let mut waiters = Waiters::default();
        assert_eq!(waiters.slots(), (0, 0));
        for _ in 0..100 {
            let (a, b) = (waiters.push(), waiters.push());
            waiters.grant(false);
            assert!(waiters.leave(&a, &mut None));
            assert!(!waiters.leave(&b, &mut None));
        }
        assert_eq!(waiters.slots(), (0, 2));
    }

    #[test]
    fn a_used_up_ticket_reaches_nobody_i3() {
        let mut waiters = Waiters::default();
        let first = waiters.push();
        waiters.leave(&first, &mut None);
        let second = waiters.push();
        assert_eq!(second.index, first.index);
        waiters.leave(&first, &mut None);
        assert!(!is_granted(&mut waiters, &first));
        assert_eq!(waiters.waiting(), 1);
        waiters.grant(false);
        assert!(!is_granted(&mut waiters, &first));
        assert!(is_granted(&mut waiters, &second));
    }
}
