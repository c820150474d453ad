//! Wakes at a moment of a clock that is not tokio's.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;

use crate::coordination::{Clock, Moment};
use crate::time;
use crate::timer::Timer;

/// A timer that only wakes: it goes by tokio's clock, so it may be early or late.
#[pin_project]
#[derive(Debug)]
pub(super) struct Alarm {
    set: Option<Moment>,
    #[pin]
    timer: Timer,
}

impl Alarm {
    pub(super) const fn new() -> Self {
        Self {
            set: None,
            timer: Timer::unarmed(),
        }
    }

    /// Ready when it is time to look at the clock, and not again before it is time again. Never, at `None`.
    pub(super) fn poll_rung(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        at: Option<Moment>,
        clock: &dyn Clock,
    ) -> Poll<()> {
        let mut this = self.project();
        if *this.set != at {
            let ahead = at.map(|at| at.since(clock.now()));
            let at = ahead.and_then(|ahead| time::after(time::now(), ahead));
            this.timer.as_mut().arm(at);
        }
        *this.set = at;
        ready!(this.timer.poll_fired(cx));
        *this.set = None;
        Poll::Ready(())
    }
}
