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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use futures::FutureExt as _;

    use super::*;
    use crate::time;

    const MILLI: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn it_ends_at_its_instant_and_not_before_and_only_if_it_has_one() {
        let ends = || time::after(time::now(), 2 * MILLI);
        let mut limited = Box::pin(Limited::new(pending::<()>(), ends));
        let mut unlimited = Box::pin(Limited::new(pending::<()>(), || None));
        assert!((&mut limited).now_or_never().is_none());
        assert!((&mut unlimited).now_or_never().is_none());
        tokio::time::advance(MILLI).await;
        assert!((&mut limited).now_or_never().is_none());
        tokio::time::advance(MILLI).await;
        assert!(matches!((&mut limited).now_or_never(), Some(Err(TimeUp))));
        assert!((&mut unlimited).now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_at_once_or_at_the_very_instant_is_not_given_up() {
        let unasked = || -> Option<Instant> { panic!("nobody waits") };
        assert!(Limited::new(ready(()), unasked).await.is_ok());
        let at = time::now() + MILLI;
        let ended = Limited::new(tokio::time::sleep_until(at), || Some(at)).await;
        assert!(ended.is_ok());
    }
}
