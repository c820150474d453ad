//! A future polled by hand.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::CountingWaker;

/// More self-wakes than this in a row are a loop.
const SELF_WAKES_MAX: u32 = 64;
/// Longer than any timer a test sets. The paused clock jumps here when nothing else is left to do.
const HORIZON: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Polls a future one step at a time, and holds it to what a future must do: when it is pending, it
/// has left its waker with somebody or woken it already; and it does not wake itself over and over.
///
/// To wait between two polls it needs a tokio runtime with a **paused clock**, which jumps to the next
/// timer when nothing else is left to do.
///
/// ```
/// use mainstay::test_util::Stepper;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let mut sleep = Stepper::new(tokio::time::sleep(Duration::from_secs(60)));
/// assert!(sleep.step().is_pending());
/// sleep.woken().await; // a minute later
/// assert!(sleep.step().is_ready());
/// # }
/// ```
#[derive(Debug)]
pub struct Stepper<F> {
    future: Pin<Box<F>>,
    waker: CountingWaker,
    polled_at: usize,
    self_wakes: u32,
}

impl<F: Future> Stepper<F> {
    /// Polls nothing yet.
    pub fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            waker: CountingWaker::new(),
            polled_at: 0,
            self_wakes: 0,
        }
    }

    /// Polls once.
    ///
    /// # Panics
    /// When the future is pending and nobody can wake it, or when it woke itself in each of the last
    /// 65 polls.
    #[track_caller]
    pub fn step(&mut self) -> Poll<F::Output> {
        self.polled_at = self.waker.wakes();
        let polled = self.waker.poll_once(self.future.as_mut());
        if polled.is_pending() {
            let woken = self.was_woken();
            assert!(
                woken || self.waker.is_kept(),
                "pending, but nobody keeps its waker: it would never be polled again"
            );
            self.self_wakes = if woken {
                self.self_wakes.saturating_add(1)
            } else {
                0
            };
            assert!(
                self.self_wakes <= SELF_WAKES_MAX,
                "it wakes itself in a loop: {} polls in a row",
                self.self_wakes
            );
        }
        polled
    }

    /// Whether it was woken since the last poll began.
    pub fn was_woken(&self) -> bool {
        self.waker.wakes() > self.polled_at
    }

    /// Waits until it is woken.
    ///
    /// # Panics
    /// When there is nothing left on the paused clock that could wake it.
    pub async fn woken(&self) {
        let waited = tokio::time::timeout(HORIZON, self.waker.woken(self.polled_at)).await;
        assert!(
            waited.is_ok(),
            "it hangs: nothing is left that could wake it"
        );
    }

    /// Polls it, whenever it is woken, until it is ready.
    ///
    /// # Panics
    /// As [`step`](Self::step) and [`woken`](Self::woken).
    pub async fn finish(mut self) -> F::Output {
        loop {
            match self.step() {
                Poll::Ready(output) => return output,
                Poll::Pending => self.woken().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};

    use tokio::task::yield_now;

    use super::*;

    #[test]
    #[should_panic(expected = "nobody keeps its waker")]
    fn a_pending_future_that_left_no_waker_is_found() {
        let _ = Stepper::new(pending::<()>()).step();
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "wakes itself in a loop")]
    async fn a_future_that_only_wakes_itself_is_found() {
        let spinning = poll_fn::<(), _>(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        Stepper::new(spinning).finish().await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "it hangs")]
    async fn a_future_that_nobody_will_wake_is_found() {
        let (_sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let _ = Stepper::new(receiver).finish().await;
    }

    #[tokio::test(start_paused = true)]
    async fn yielding_now_and_then_is_no_loop() {
        let patient = async {
            for _ in 0..3 {
                for _ in 0..SELF_WAKES_MAX {
                    yield_now().await;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        Stepper::new(patient).finish().await;
    }
}
