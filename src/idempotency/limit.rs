//! A limit that costs nothing until it is waited for.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project::pin_project;

use crate::time::Instant;
use crate::timer::Timer;

/// A future that is given up at an instant. `ends` says which, when the future is pending for the first
/// time; `None` is never.
#[pin_project]
pub(super) struct Limited<F, L> {
    #[pin]
    work: F,
    ends: Option<L>,
    #[pin]
    timer: Timer,
}

impl<F, L: FnOnce() -> Option<Instant>> Limited<F, L> {
    pub(super) const fn new(work: F, ends: L) -> Self {
        Self {
            work,
            ends: Some(ends),
            timer: Timer::unarmed(),
        }
    }
}

impl<F: Future, L: FnOnce() -> Option<Instant>> Future for Limited<F, L> {
    type Output = Result<F::Output, TimeUp>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Poll::Ready(output) = this.work.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if let Some(ends) = this.ends.take() {
            this.timer.as_mut().arm(ends());
        }
        this.timer.poll_fired(cx).map(|()| Err(TimeUp))
    }
}

/// There was no answer in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeUp;

impl fmt::Display for TimeUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer in time")
    }
}

impl StdError for TimeUp {}
