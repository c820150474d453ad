//! What an execution has of its key, and whether its caller is there.

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::sync::{self, Lock};
use crate::time::{self, Instant};

/// Shared by an execution, its handler and its caller.
#[derive(Debug)]
pub(super) struct Hold {
    state: Lock<State>,
    changed: Notify,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// It was said that another may have the key.
    pub(super) is_lost: bool,
    /// The caller waits no more.
    pub(super) is_left: bool,
    /// The execution has ended; it loses nothing any more.
    is_over: bool,
    /// When another may have the key, if it is not renewed.
    ends: Option<Instant>,
}

impl Hold {
    pub(super) fn new(ends: Option<Instant>) -> Self {
        let state = State {
            is_lost: false,
            is_left: false,
            is_over: false,
            ends,
        };
        Self {
            state: Lock::new(state),
            changed: Notify::new(),
        }
    }

    pub(super) fn state(&self) -> State {
        *self.state.lock()
    }

    /// Ends when something has been said since it was made. Make it before the state is read.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Another may have the key; whether that is news.
    pub(super) fn lose(&self) -> bool {
        self.say(|state| !std::mem::replace(&mut state.is_lost, true))
    }

    /// The caller is gone.
    pub(super) fn leave(&self) {
        self.say(|state| !std::mem::replace(&mut state.is_left, true));
    }

    fn say(&self, say: impl FnOnce(&mut State) -> bool) -> bool {
        let is_news = say(&mut self.state.lock());
        if is_news {
            sync::wake(|| self.changed.notify_waiters());
        }
        is_news
    }

    /// The lease was renewed. Nobody waits for this.
    pub(super) fn renew(&self, ends: Option<Instant>) {
        self.state.lock().ends = ends;
    }

    /// The execution has ended: what is so now stays so. That it was lost may be news, where no heart
    /// could beat any more.
    pub(super) fn end(&self) {
        self.say(|state| {
            let was_lost = state.is_lost;
            state.is_lost = state.is_lost_by_now();
            state.is_over = true;
            state.is_lost != was_lost
        });
    }

    /// Whether another may have the key, by the clock too.
    pub(super) fn is_lost(&self) -> bool {
        self.state().is_lost_by_now()
    }
}

impl State {
    fn is_lost_by_now(self) -> bool {
        let has_ended = |ends: Instant| ends <= time::now();
        self.is_lost || !self.is_over && self.ends.is_some_and(has_ended)
    }
}
