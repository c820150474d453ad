//! A waker that counts.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::sync::Lock;

/// A waker that counts how often it is woken, and knows whether somebody keeps it.
///
/// ```
/// use mainstay::test_util::CountingWaker;
/// use std::pin::pin;
/// use std::task::Poll;
///
/// let (sender, receiver) = tokio::sync::oneshot::channel::<u8>();
/// let mut receiver = pin!(receiver);
/// let waker = CountingWaker::new();
///
/// assert!(waker.poll_once(receiver.as_mut()).is_pending());
/// assert!(waker.is_kept());
///
/// assert_eq!(sender.send(7), Ok(()));
/// assert_eq!(waker.wakes(), 1);
/// assert_eq!(waker.poll_once(receiver.as_mut()), Poll::Ready(Ok(7)));
/// ```
#[derive(Debug)]
pub struct CountingWaker {
    count: Arc<Count>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Count {
    state: Lock<State>,
}

#[derive(Debug, Default)]
struct State {
    wakes: usize,
    tasks: Vec<Waker>,
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let tasks = {
            let mut state = self.state.lock();
            state.wakes = state.wakes.saturating_add(1);
            std::mem::take(&mut state.tasks)
        };
        tasks.into_iter().for_each(Waker::wake);
    }
}

impl Default for CountingWaker {
    fn default() -> Self {
        Self::new()
    }
}

impl CountingWaker {
    /// A waker that nobody has woken.
    pub fn new() -> Self {
        let count = Arc::<Count>::default();
        Self {
            waker: Waker::from(Arc::clone(&count)),
            count,
        }
    }

    /// The waker, for a [`Context`].
    pub const fn waker(&self) -> &Waker {
        &self.waker
    }

    /// How often it was woken.
    pub fn wakes(&self) -> usize {
        self.count.state.lock().wakes
    }

    /// Whether somebody keeps a clone of it, and so may still wake it.
    pub fn is_kept(&self) -> bool {
        // One is the count's own, one the waker's.
        Arc::strong_count(&self.count) > 2
    }

    /// Polls `future` once with this waker.
    pub fn poll_once<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&self.waker))
    }

    /// Waits until it has been woken more than `seen` times in all. Any number of tasks may wait.
    ///
    /// # Cancel safety
    /// Dropping it loses nothing: the count stays.
    pub async fn woken(&self, seen: usize) {
        std::future::poll_fn(|cx| {
            let mut state = self.count.state.lock();
            if state.wakes > seen {
                return Poll::Ready(());
            }
            if !state.tasks.iter().any(|task| task.will_wake(cx.waker())) {
                state.tasks.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_tasks_that_wait_are_woken() {
        let waker = Arc::new(CountingWaker::new());
        let tasks = [(); 3].map(|()| {
            let waker = Arc::clone(&waker);
            tokio::spawn(async move { waker.woken(0).await })
        });
        tokio::task::yield_now().await;
        waker.waker().wake_by_ref();
        for task in tasks {
            task.await.unwrap();
        }
    }
}
