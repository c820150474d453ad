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
    /// Boxed, as it is several times as large as what it limits, and seldom made.
    timer: Option<Pin<Box<Timer>>>,
}

impl<F, L: FnOnce() -> Option<Instant>> Limited<F, L> {
    pub(super) const fn new(work: F, ends: L) -> Self {
        Self {
            work,
            ends: Some(ends),
            timer: None,
        }
    }
}

impl<F: Future, L: FnOnce() -> Option<Instant>> Future for Limited<F, L> {
    type Output = Result<F::Output, TimeUp>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.work.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if let Some(ends) = this.ends.take() {
            *this.timer = ends().map(|ends| Box::pin(Timer::armed(Some(ends))));
        }
        match this.timer {
            Some(timer) => timer.as_mut().poll_fired(cx).map(|()| Err(TimeUp)),
            None => Poll::Pending,
        }
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
