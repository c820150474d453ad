//! Until when a term may be used, in one word.

use std::time::Duration;

use crate::coordination::Moment;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Over, and for good.
const OVER: u64 = 0;

/// The soft deadline, in nanoseconds since the origin of the clock; 0 is over.
///
/// It grows until it is over, and then it stays so. Whoever finds that it has passed ends it: else a
/// renewal that comes late would give back a term that somebody has seen end.
#[derive(Debug)]
pub(super) struct Until(AtomicU64);

// Ordering: Relaxed suffices for all: the word stands alone. Each change is a read-modify-write, which sees
// the last one, so nobody brings back what is over. Where another's work must see that a term was given
// up, the lock of `work` is between the two.
impl Until {
    pub(super) fn new(until: Moment) -> Self {
        Self(AtomicU64::new(nanos(until)))
    }

    /// What is left at the moment that `now` reads; `None` when it is over.
    #[inline]
    pub(super) fn left(&self, now: impl Fn() -> Moment) -> Option<Duration> {
        let mut until = self.0.load(Ordering::Relaxed);
        while until != OVER {
            // After the load: a clock read before it could be much older than what it is compared with.
            let left = until.saturating_sub(nanos(now()));
            if left > 0 {
                return Some(Duration::from_nanos(left));
            }
            let ended = self
                .0
                .compare_exchange(until, OVER, Ordering::Relaxed, Ordering::Relaxed);
            until = match ended {
                Ok(_) => OVER,
                // It was renewed, or given up.
                Err(present) => present,
            };
        }
        None
    }

    /// Puts it off. Whether it is not over.
    #[must_use]
    pub(super) fn renew(&self, until: Moment) -> bool {
        let later = |present: u64| (present != OVER).then(|| present.max(nanos(until)));
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, later)
            .is_ok()
    }

    /// Whether it was not over before.
    pub(super) fn give_up(&self) -> bool {
        self.0.swap(OVER, Ordering::Relaxed) != OVER
    }
}

/// Past 584 years (`u64::MAX` nanoseconds) all is one moment, which is no earlier than any deadline.
fn nanos(moment: Moment) -> u64 {
    u64::try_from(moment.since(Moment::ORIGIN).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Moment {
        Moment::from_origin(Duration::from_nanos(nanos))
    }

    fn left(until: &Until, now: u64) -> Option<u128> {
        until.left(|| at(now)).map(|left| left.as_nanos())
    }

    #[test]
    fn it_ends_at_its_nanosecond_and_whoever_sees_that_ends_it_for_all() {
        let until = Until::new(at(10));
        assert_eq!((left(&until, 0), left(&until, 9)), (Some(10), Some(1)));
        assert_eq!(left(&until, 10), None);
        // A clock that goes back is none.
        assert_eq!(left(&until, 0), None);
        assert!(!until.renew(at(99)));
        assert_eq!(left(&until, 0), None);
    }

    #[test]
    fn it_only_grows_and_once_given_up_it_stays_so() {
        let until = Until::new(at(10));
        assert!(until.renew(at(20)) && until.renew(at(15)));
        assert_eq!(left(&until, 19), Some(1));
        assert!(until.give_up());
        assert!(!until.give_up() && !until.renew(at(99)));
        assert_eq!(left(&until, 0), None);
    }

    #[test]
    fn the_ends_of_time_are_over_and_not_an_overflow() {
        assert_eq!(left(&Until::new(at(0)), 0), None);
        assert_eq!(left(&Until::new(at(1)), 0), Some(1));
        let last = Until::new(Moment::from_origin(Duration::MAX));
        assert_eq!(left(&last, u64::MAX - 1), Some(1));
        assert_eq!(last.left(|| Moment::from_origin(Duration::MAX)), None);
    }

    #[test]
    fn a_renewal_between_the_look_at_the_word_and_at_the_clock_counts() {
        let until = Until::new(at(10));
        let late = || {
            assert!(until.renew(at(20)));
            at(12)
        };
        assert_eq!(until.left(late), Some(Duration::from_nanos(8)));
    }
}

#[cfg(all(test, mainstay_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    fn at(nanos: u64) -> Moment {
        Moment::from_origin(Duration::from_nanos(nanos))
    }

    #[test]
    fn loom_no_renewal_revives_a_term_that_was_given_up() {
        loom::model(|| {
            let until = Arc::new(Until::new(at(10)));
            let (renewing, reading) = (Arc::clone(&until), Arc::clone(&until));
            let renewing = thread::spawn(move || renewing.renew(at(20)));
            let reading = thread::spawn(move || {
                let first = reading.left(|| at(5));
                let second = reading.left(|| at(5));
                assert!(first.is_some() || second.is_none(), "it came back");
                assert!(second <= first || first.map(|left| left.as_nanos()) == Some(5));
            });
            assert!(until.give_up());
            assert_eq!(until.left(|| at(5)), None);
            renewing.join().unwrap();
            reading.join().unwrap();
            assert_eq!(until.left(|| at(5)), None);
        });
    }

    #[test]
    fn loom_what_somebody_saw_end_is_not_renewed_and_what_was_renewed_nobody_sees_end() {
        loom::model(|| {
            let until = Arc::new(Until::new(at(10)));
            let (renewing, reading) = (Arc::clone(&until), Arc::clone(&until));
            let renewing = thread::spawn(move || renewing.renew(at(20)));
            let reading = thread::spawn(move || reading.left(|| at(12)).is_some());
            let here = until.left(|| at(12)).is_some();
            let (was_renewed, there) = (renewing.join().unwrap(), reading.join().unwrap());
            assert_eq!((here, there), (was_renewed, was_renewed));
        });
    }
}
