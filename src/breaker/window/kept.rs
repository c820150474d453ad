//! The window that is kept, shared by all threads.

use crate::breaker::epoch::Epoch;
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Lock, MutexGuard, Striped};

use super::count::CountWindow;
use super::filling::Filling;
use super::successes::Successes;
use super::time::TimeWindow;
use super::{Counts, Sample, Window};

/// What became of a call that was to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(in crate::breaker) enum Recorded {
    Counted,
    /// The call belongs to another epoch; nothing was changed.
    Stale,
    /// No window is kept.
    NotKept,
}

/// The window of a breaker.
///
/// Each thread records on a stripe of its own, so that clones of a service on different threads do
/// not fight over one line. By time, stripes are added up. By count, the order of all calls matters,
/// so there is one ring, and stripes keep back only [`Successes`], until somebody needs the ring.
///
/// All carry the epoch whose calls they take: whether a result is stale and that it is recorded is one step. Whoever
/// changes the epoch or the shape does so under the circuit's lock.
#[derive(Debug)]
pub(in crate::breaker) struct Windows {
    kind: KindCell,
    stripes: Striped<Stripe>,
    ring: Lock<Tagged<CountWindow>>,
}

#[derive(Debug)]
struct Stripe {
    filling: Filling,
    successes: Successes,
}

#[derive(Debug)]
pub(super) struct Tagged<W> {
    pub(super) epoch: Epoch,
    /// `None` while another kind of window is in use.
    pub(super) window: Option<W>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    None,
    Time,
    Count,
}

impl Kind {
    const fn of(shape: Option<Window>) -> Self {
        match shape {
            None => Self::None,
            Some(Window::Time { .. }) => Self::Time,
            Some(Window::Count { .. }) => Self::Count,
        }
    }
}

/// Which of the windows is in use.
///
/// Orderings: Relaxed. Who follows an old value finds that window gone, under its lock or by an Acquire
/// of its word, and then sees the new value.
#[derive(Debug)]
struct KindCell(AtomicU8);

impl KindCell {
    fn new(kind: Kind) -> Self {
        Self(AtomicU8::new(kind as u8))
    }

    fn get(&self) -> Kind {
        match self.number() {
            1 => Kind::Time,
            2 => Kind::Count,
            _ => Kind::None,
        }
    }

    #[inline]
    fn number(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, kind: Kind) {
        self.0.store(kind as u8, Ordering::Relaxed);
    }
}

impl Windows {
    pub(in crate::breaker) fn new(shape: Option<Window>, epoch: Epoch) -> Self {
        let windows = Self {
            kind: KindCell::new(Kind::of(shape)),
            stripes: Striped::new(|| Stripe {
                filling: Filling::new(epoch, time_window(shape)),
                successes: Successes::new(),
            }),
            ring: Lock::new(Tagged {
                epoch,
                window: None,
            }),
        };
        windows.set_ring(shape);
        windows
    }

    /// Records a success of `epoch`, at `now` in nanoseconds since the origin. `None` when it takes a
    /// lock to do so, or to see that it is stale: then nothing was done.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see its caller")]
    pub(in crate::breaker) fn succeed(
        &self,
        epoch: Epoch,
        now: impl FnOnce() -> u64,
    ) -> Option<Recorded> {
        let stripe = self.stripes.mine();
        // Read once: between two reads it may become another, and neither would be found.
        let kind = self.kind.number();
        let is_recorded = if kind == Kind::Count as u8 {
            stripe.successes.add(epoch)
        } else if kind == Kind::Time as u8 {
            stripe.filling.succeed(epoch, now())
        } else {
            return Some(Recorded::NotKept);
        };
        is_recorded.then_some(Recorded::Counted)
    }

    /// Records a call of `epoch` that ended at `now`, in nanoseconds since the origin.
    pub(in crate::breaker) fn record(
        &self,
        epoch: Epoch,
        sample: Sample,
        mut now: impl FnMut() -> u64,
    ) -> Recorded {
        loop {
            let recorded = match self.kind.get() {
                Kind::None => return Recorded::NotKept,
                Kind::Time => {
                    let now = now();
                    self.stripes.mine().filling.record(epoch, now, sample)
                }
                Kind::Count => self.ring().record(epoch, |window| window.record(sample)),
            };
            // Nothing was there: it was replaced by another kind after the kind was read.
            if let Some(recorded) = recorded {
                return recorded;
            }
        }
    }

    pub(in crate::breaker) fn counts(&self, now: u64) -> Counts {
        let mut counts = Counts::default();
        match self.kind.get() {
            Kind::None => {}
            Kind::Time => {
                for stripe in self.stripes.iter() {
                    stripe.filling.with(|tagged| {
                        if let Some(window) = &mut tagged.window {
                            counts.merge(window.counts(now));
                        }
                    });
                }
            }
            Kind::Count => {
                if let Some(window) = &self.ring().window {
                    counts = window.counts();
                }
            }
        }
        counts
    }

    /// Forgets what was, and takes only calls of `epoch` from now on.
    pub(in crate::breaker) fn restart(&self, epoch: Epoch) {
        for stripe in self.stripes.iter() {
            stripe
                .filling
                .with(|tagged| tagged.restart(epoch, TimeWindow::clear));
        }
        let mut ring = self.ring.lock();
        ring.restart(epoch, CountWindow::clear);
        self.open_stripes(&ring);
    }

    /// Replaces the window by an empty one.
    ///
    /// The new one exists before its kind is told, and the old one goes after, so that whoever finds
    /// the old one gone finds the new one there.
    pub(in crate::breaker) fn reshape(&self, shape: Option<Window>) {
        match Kind::of(shape) {
            Kind::Time => self.set_stripes(shape),
            Kind::Count => self.set_ring(shape),
            Kind::None => {}
        }
        self.kind.set(Kind::of(shape));
        if Kind::of(shape) != Kind::Time {
            self.set_stripes(None);
        }
        if Kind::of(shape) != Kind::Count {
            self.set_ring(None);
        }
    }

    fn set_stripes(&self, shape: Option<Window>) {
        for stripe in self.stripes.iter() {
            stripe
                .filling
                .with(|tagged| tagged.window = time_window(shape));
        }
    }

    fn set_ring(&self, shape: Option<Window>) {
        let mut ring = self.ring.lock();
        ring.window = count_window(shape);
        self.open_stripes(&ring);
    }

    /// The ring, told of all successes before.
    fn ring(&self) -> MutexGuard<'_, Tagged<CountWindow>> {
        let mut ring = self.ring.lock();
        if let Some(window) = &mut ring.window {
            for stripe in self.stripes.iter() {
                window.succeed(stripe.successes.take());
            }
        }
        ring
    }

    /// Has the stripes keep successes back for this ring; the caller holds its lock.
    fn open_stripes(&self, ring: &Tagged<CountWindow>) {
        for Stripe { successes, .. } in self.stripes.iter() {
            match &ring.window {
                Some(window) => successes.open(ring.epoch, window.calls()),
                None => successes.close(),
            }
        }
    }
}

impl<W> Tagged<W> {
    pub(super) fn record(&mut self, epoch: Epoch, record: impl FnOnce(&mut W)) -> Option<Recorded> {
        let window = self.window.as_mut()?;
        if self.epoch != epoch {
            return Some(Recorded::Stale);
        }
        record(window);
        Some(Recorded::Counted)
    }

    pub(super) fn restart(&mut self, epoch: Epoch, clear: impl FnOnce(&mut W)) {
        self.epoch = epoch;
        if let Some(window) = &mut self.window {
            clear(window);
        }
    }
}

fn time_window(shape: Option<Window>) -> Option<TimeWindow> {
    match shape {
        Some(Window::Time { length, buckets }) => Some(TimeWindow::new(length, buckets)),
        _ => None,
    }
}

fn count_window(shape: Option<Window>) -> Option<CountWindow> {
    match shape {
        Some(Window::Count { calls }) => Some(CountWindow::new(calls)),
        _ => None,
    }
}
