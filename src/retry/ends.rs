//! The two instants that a call ends at.

use std::time::Duration;

use crate::context::Deadline;
use crate::time::{self, Instant};

/// The deadline and the end of `elapsed_max`, in three words: each call in flight has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    /// The sooner of the two; `None` is never.
    first: Option<Instant>,
    /// How many nanoseconds after it the deadline is: 0 when it is the deadline, `u64::MAX` when there is
    /// none, or none within 584 years. What comes after the deadline ends nothing.
    deadline_after: u64,
}

impl Ends {
    #[inline]
    pub(super) fn new(deadline: Deadline, elapsed: Option<Instant>) -> Self {
        match (deadline.instant(), elapsed) {
            (Some(deadline), Some(elapsed)) if elapsed < deadline => {
                let after = deadline.saturating_duration_since(elapsed).as_nanos();
                Self {
                    first: Some(elapsed),
                    deadline_after: u64::try_from(after).unwrap_or(u64::MAX),
                }
            }
            (None, Some(elapsed)) => Self {
                first: Some(elapsed),
                deadline_after: u64::MAX,
            },
            (first, _) => Self {
                first,
                deadline_after: 0,
            },
        }
    }

    /// The sooner of the two; `None` is never.
    pub(super) const fn first(self) -> Option<Instant> {
        self.first
    }

    pub(super) fn deadline(self) -> Deadline {
        let at = self.first.and_then(|first| match self.deadline_after {
            u64::MAX => None,
            nanos => time::after(first, Duration::from_nanos(nanos)),
        });
        at.map_or(Deadline::NEVER, Deadline::at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn both_are_known_to_the_nanosecond_as_far_as_they_end_anything() {
        let now = time::now();
        let nano = now + Duration::from_nanos(1);
        for (deadline, elapsed, first, said) in [
            (None, None, None, None),
            (Some(now), None, Some(now), Some(now)),
            (None, Some(now), Some(now), None),
            (Some(now), Some(now), Some(now), Some(now)),
            (Some(now), Some(nano), Some(now), Some(now)),
            (Some(nano), Some(now), Some(now), Some(nano)),
            (
                Some(nano + SECOND),
                Some(now),
                Some(now),
                Some(nano + SECOND),
            ),
        ] {
            let ends = Ends::new(deadline.map_or(Deadline::NEVER, Deadline::at), elapsed);
            assert_eq!((ends.first(), ends.deadline().instant()), (first, said));
        }
    }

    #[test]
    fn a_deadline_that_is_584_years_late_is_never() {
        let now = time::now();
        let most = Duration::from_nanos(u64::MAX);
        for (late, known) in [
            (Duration::from_nanos(u64::MAX - 1), true),
            (most, false),
            (2 * most, false),
        ] {
            let deadline = Deadline::at(now + late);
            let said = Ends::new(deadline, Some(now)).deadline();
            assert_eq!(said == deadline, known);
            assert_eq!(said == Deadline::NEVER, !known);
        }
    }

    #[test]
    fn it_is_three_words() {
        assert_eq!(size_of::<Ends>(), 24);
    }
}
