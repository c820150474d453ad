//! Every way to give a call up.

use super::Stepper;

/// More polls than this are taken for a call that does not end.
const POLLS_MAX: usize = 256;

/// Where a call was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// After this many polls, the last of which was pending; 0 is never polled.
    Polled(usize),
    /// After this many polls, when it had been woken for the next: what it was woken for may already
    /// be its own, and must go on to somebody else.
    Woken(usize),
    /// It ended with this poll, and was dropped like any other future.
    Ended(usize),
}

/// Runs a call again and again, and drops it at each point at which its caller may give it up: never
/// polled, and after each poll both before and after it is woken for the next. Ends when the call
/// does, and gives back how many polls that took.
///
/// `call` makes the call anew, over fresh services or over the same; `check` looks, after each drop,
/// that nothing is left of it. A call that hangs is an error here; give it a layer that ends it.
///
/// It needs a tokio runtime with a **paused clock**.
///
/// ```
/// use mainstay::test_util::{Act, Probe, drop_at_every_poll};
/// use std::time::Duration;
/// use tower::{Service, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let probe = Probe::new();
/// let watch = probe.watch();
/// watch.otherwise(Act::answer().after(Duration::from_secs(1)));
///
/// let polls = drop_at_every_poll(
///     || probe.clone().oneshot(watch.request()), // your layer goes around the probe
///     |cut| {
///         assert_eq!(watch.alive().requests(), 0, "{cut:?}");
///         assert_eq!(watch.alive().futures(), 0, "{cut:?}");
///     },
/// )
/// .await;
/// assert_eq!(polls, 2);
/// # }
/// ```
///
/// # Panics
/// As [`Stepper`], or when the call takes more than 256 polls.
pub async fn drop_at_every_poll<F: Future>(
    mut call: impl FnMut() -> F,
    mut check: impl FnMut(Cut),
) -> usize {
    for polls in 0..=POLLS_MAX {
        let ended = drop_after(polls, call()).await;
        if ended {
            check(Cut::Ended(polls));
            return polls;
        }
        check(Cut::Polled(polls));
        if polls > 0 {
            drop_woken(polls, call()).await;
            check(Cut::Woken(polls));
        }
    }
    #[expect(clippy::panic, reason = "a test fails so")]
    {
        panic!("the call did not end within {POLLS_MAX} polls");
    }
}

/// Whether it ended with the last of these polls.
async fn drop_after<F: Future>(polls: usize, call: F) -> bool {
    let mut call = Stepper::new(call);
    for poll in 1..=polls {
        if call.step().is_ready() {
            return true;
        }
        if poll < polls {
            call.woken().await;
        }
    }
    false
}

async fn drop_woken<F: Future>(polls: usize, call: F) {
    let mut call = Stepper::new(call);
    for _ in 0..polls {
        if call.step().is_ready() {
            return;
        }
        call.woken().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_point_is_cut_once_and_the_polls_are_counted() {
        let call = || async {
            sleep(Duration::from_secs(1)).await;
            sleep(Duration::from_secs(1)).await;
        };
        let mut cuts = Vec::new();
        let polls = drop_at_every_poll(call, |cut| cuts.push(cut)).await;
        assert_eq!(polls, 3);
        assert_eq!(
            cuts,
            [
                Cut::Polled(0),
                Cut::Polled(1),
                Cut::Woken(1),
                Cut::Polled(2),
                Cut::Woken(2),
                Cut::Ended(3)
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "Woken(1)")]
    async fn what_is_lost_between_the_wake_and_the_poll_is_found() {
        let given = Arc::new(Mutex::new(0));
        let faulty = || {
            let (give, taken) = oneshot::channel();
            let mine = Arc::clone(&given);
            tokio::spawn(async move {
                sleep(Duration::from_secs(1)).await;
                if give.send(()).is_ok() {
                    *mine.lock().unwrap() += 1; // the future is there, but may never be polled
                }
            });
            async {
                taken.await.unwrap();
                *given.lock().unwrap() -= 1;
            }
        };
        drop_at_every_poll(faulty, |cut| {
            assert_eq!(*given.lock().unwrap(), 0, "{cut:?}");
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "did not end")]
    async fn a_call_without_end_is_found() {
        let endless = || async {
            loop {
                sleep(Duration::from_secs(1)).await;
            }
        };
        drop_at_every_poll(endless, |_| ()).await;
    }
}
