//! The window that is kept, shared by all threads.

use crate::breaker::epoch::Epoch;
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Lock, Striped};

use super::count::CountWindow;
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
/// By time, each thread records on a stripe of its own, so that clones of a service on different
/// threads do not fight over one line. By count, the order of all calls matters, so there is one
/// ring.
///
/// Both carry, under their locks, the epoch whose calls they take: whether a result is stale and
/// that it is recorded is one step. Whoever changes the epoch or the shape does so under the
/// circuit's lock.
#[derive(Debug)]
pub(in crate::breaker) struct Windows {
    kind: KindCell,
    stripes: Striped<Lock<Tagged<TimeWindow>>>,
    ring: Lock<Tagged<CountWindow>>,
}

#[derive(Debug)]
struct Tagged<W> {
    epoch: Epoch,
    /// `None` while another kind of window is in use.
    window: Option<W>,
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
/// Orderings: Relaxed. Who follows an old value finds that window gone, under its lock, and by that
/// lock's ordering then sees the new value.
#[derive(Debug)]
struct KindCell(AtomicU8);

impl KindCell {
    fn new(kind: Kind) -> Self {
        Self(AtomicU8::new(kind as u8))
    }

    fn get(&self) -> Kind {
        match self.0.load(Ordering::Relaxed) {
            1 => Kind::Time,
            2 => Kind::Count,
            _ => Kind::None,
        }
    }

    fn set(&self, kind: Kind) {
        self.0.store(kind as u8, Ordering::Relaxed);
    }
}

impl Windows {
    pub(in crate::breaker) fn new(shape: Option<Window>, epoch: Epoch) -> Self {
        Self {
            kind: KindCell::new(Kind::of(shape)),
            stripes: Striped::new(|| {
                Lock::new(Tagged {
                    epoch,
                    window: time_window(shape),
                })
            }),
            ring: Lock::new(Tagged {
                epoch,
                window: count_window(shape),
            }),
        }
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
                    let mut stripe = self.stripes.mine().lock();
                    stripe.record(epoch, |window| window.record(now, sample))
                }
                Kind::Count => {
                    let mut ring = self.ring.lock();
                    ring.record(epoch, |window| window.record(sample))
                }
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
                    if let Some(window) = &mut stripe.lock().window {
                        counts.merge(window.counts(now));
                    }
                }
            }
            Kind::Count => {
                if let Some(window) = &self.ring.lock().window {
                    counts = window.counts();
                }
            }
        }
        counts
    }

    /// Forgets what was, and takes only calls of `epoch` from now on.
    pub(in crate::breaker) fn restart(&self, epoch: Epoch) {
        for stripe in self.stripes.iter() {
            stripe.lock().restart(epoch, TimeWindow::clear);
        }
        self.ring.lock().restart(epoch, CountWindow::clear);
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
            stripe.lock().window = time_window(shape);
        }
    }

    fn set_ring(&self, shape: Option<Window>) {
        self.ring.lock().window = count_window(shape);
    }
}

impl<W> Tagged<W> {
    fn record(&mut self, epoch: Epoch, record: impl FnOnce(&mut W)) -> Option<Recorded> {
        let window = self.window.as_mut()?;
        if self.epoch != epoch {
            return Some(Recorded::Stale);
        }
        record(window);
        Some(Recorded::Counted)
    }

    fn restart(&mut self, epoch: Epoch, clear: impl FnOnce(&mut W)) {
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
