//! The tasks that wait for one body.

use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::sync::{self, Lock};

/// The wakers of the readers of one body; itself the waker that the body is polled with, so that
/// whoever polled it last, news reach everyone.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    wakers: Lock<Vec<(u64, Waker)>>,
}

impl Waiters {
    /// `reader` wants to be woken through `waker`, and no longer through another.
    pub(super) fn register(&self, reader: u64, waker: &Waker) {
        let known = |(id, known): &(u64, Waker)| *id == reader && known.will_wake(waker);
        if self.wakers.lock().iter().any(known) {
            return;
        }
        // Wakers are cloned and dropped outside the lock: either may run code of the executor's.
        let mut waker = Some(waker.clone());
        let mut wakers = self.wakers.lock();
        if let Some((_, known)) = wakers.iter_mut().find(|(id, _)| *id == reader) {
            waker = waker.map(|new| std::mem::replace(known, new));
        } else {
            wakers.extend(waker.take().map(|new| (reader, new)));
        }
        drop(wakers);
        drop(waker);
    }

    /// `reader` has gone.
    pub(super) fn forget(&self, reader: u64) {
        let mut wakers = self.wakers.lock();
        let place = wakers.iter().position(|(id, _)| *id == reader);
        let gone = place.map(|place| wakers.swap_remove(place));
        drop(wakers);
        drop(gone);
    }

    pub(super) fn wake_all(&self) {
        self.wake(None);
    }

    pub(super) fn wake_others(&self, reader: u64) {
        self.wake(Some(reader));
    }

    /// All are taken in one step, for two that wake each other at once must not step over one another;
    /// and called after it, for a waker is not called under the lock.
    fn wake(&self, except: Option<u64>) {
        let woken = {
            let mut wakers = self.wakers.lock();
            let own = wakers.iter().position(|(id, _)| Some(*id) == except);
            if let Some(place) = own {
                wakers.swap(0, place);
            }
            wakers.split_off(own.map_or(0, |_| 1))
        };
        for (_, waker) in woken {
            sync::wake(|| waker.wake());
        }
    }
}

impl Wake for Waiters {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("of no concern to the other readers");
        }
    }

    #[derive(Default)]
    struct Told(Lock<bool>);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            *self.0.lock() = true;
        }
    }

    #[test]
    fn a_waker_that_panics_keeps_no_other_reader_asleep() {
        let waiters = Waiters::default();
        let told = Arc::new(Told::default());
        waiters.register(0, &Waker::from(Arc::new(Panics)));
        waiters.register(1, &Waker::from(Arc::clone(&told)));
        waiters.wake_all();
        assert!(*told.0.lock());
    }
}
