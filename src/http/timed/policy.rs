//! When a body is ended, and by which limit.
//!
//! # Invariants
//! - I1: a body ends at the soonest of what bounds it. A frame moves the end of idling and no other.
//! - I2: where several come at the same instant, it is the deadline's, then the total's.
//! - I3: a limit or deadline past what the clock can hold never ends a body.
//! - I4: idling is counted while a reader waits: it begins when the reader finds no frame, and a frame
//!   ends it. A reader that stays away is not idling of the sender.
//! - I5: until the first frame `first` counts and idling does not, after it the other way round.

use std::time::Duration;

use crate::context::Deadline;
use crate::error::Kind;
use crate::time::{self, Instant};

use super::BodyLimits;

/// What can end a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    First,
    Idle,
    Total,
    Deadline,
}

impl Limit {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Idle => "idle",
            Self::Total => "total",
            Self::Deadline => "deadline",
        }
    }

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::First | Self::Idle | Self::Total => Kind::Timeout,
            Self::Deadline => Kind::DeadlineExceeded,
        }
    }
}

/// When a body ends, and by what, if no frame comes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) at: Instant,
    pub(super) by: Limit,
}

/// Why a body was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expired {
    pub(super) by: Limit,
    pub(super) limit: Duration,
    pub(super) elapsed: Duration,
}

/// One body on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    limits: BodyLimits,
    /// When the head came. Where no limit runs from it, the first time the clock was read.
    began: Option<Instant>,
    awaits: Awaits,
    /// Since when the reader has been waiting.
    waits: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
enum Awaits {
    First,
    Next,
}

impl Course {
    /// The head came at `head`, which is not needed where no limit runs from it.
    pub(super) const fn new(limits: BodyLimits, head: Option<Instant>) -> Self {
        Self {
            limits,
            began: head,
            awaits: Awaits::First,
            waits: None,
        }
    }

    /// Until when the head's caller waits for the body.
    pub(super) const fn deadline(&self) -> Deadline {
        self.limits.deadline
    }

    /// Whether nothing can end the body, so that no clock need be read.
    pub(super) fn is_endless(&self) -> bool {
        self.limits == BodyLimits::until(Deadline::NEVER)
    }

    /// Whether a reader waits for a frame.
    pub(super) const fn waits(&self) -> bool {
        self.waits.is_some()
    }

    /// A reader found no frame at `now`. Says when its wait ends; `None` is never.
    #[must_use]
    pub(super) fn wait(&mut self, now: Instant) -> Option<End> {
        self.began.get_or_insert(now);
        self.waits.get_or_insert(now);
        self.end()
    }

    /// A frame came, and is not the last.
    pub(super) const fn frame(&mut self) {
        self.awaits = Awaits::Next;
        self.waits = None;
    }

    /// What has passed at `now`, while frames come without a wait.
    #[must_use]
    pub(super) fn overdue(&mut self, now: Instant) -> Option<End> {
        self.began.get_or_insert(now);
        self.end().filter(|end| end.at <= now)
    }

    /// The body was ended at `now`.
    #[must_use]
    pub(super) fn expire(&self, by: Limit, now: Instant) -> Expired {
        let began = self.began.unwrap_or(now);
        let (since, limit) = match by {
            Limit::First => (began, self.limits.first),
            Limit::Idle => (self.waits.unwrap_or(now), self.limits.idle),
            Limit::Total => (began, self.limits.total),
            Limit::Deadline => (began, self.limits.deadline.remaining(began)),
        };
        Expired {
            by,
            limit,
            elapsed: now.saturating_duration_since(since),
        }
    }

    fn end(&self) -> Option<End> {
        let after = |from: Option<Instant>, limit| from.and_then(|from| time::after(from, limit));
        let next = match self.awaits {
            Awaits::First => (Limit::First, after(self.began, self.limits.first)),
            Awaits::Next => (Limit::Idle, after(self.waits, self.limits.idle)),
        };
        let ends = [
            (Limit::Deadline, self.limits.deadline.instant()),
            (Limit::Total, after(self.began, self.limits.total)),
            next,
        ];
        let ends = ends
            .into_iter()
            .filter_map(|(by, at)| at.map(|at| End { at, by }));
        // The first of equals is taken.
        ends.min_by_key(|end| end.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::BodyTimeoutConfig;

    const SECOND: Duration = Duration::from_secs(1);
    const NANO: Duration = Duration::from_nanos(1);
    const NEVER: Duration = Duration::MAX;

    fn limits(first: Duration, idle: Duration, total: Duration) -> BodyLimits {
        let config = BodyTimeoutConfig::default();
        BodyLimits::new(&config.first(first).idle(idle).total(total)).unwrap()
    }

    #[expect(clippy::unnecessary_wraps, reason = "as a course says it")]
    fn end(at: Instant, by: Limit) -> Option<End> {
        Some(End { at, by })
    }

    #[test]
    fn until_the_first_frame_first_counts_from_the_head_and_idling_does_not_i5() {
        let head = time::now();
        let mut course = Course::new(limits(9 * SECOND, SECOND, NEVER), Some(head));
        let ends = end(head + 9 * SECOND, Limit::First);
        assert_eq!(course.wait(head + 2 * SECOND), ends);
        assert_eq!(course.wait(head + 3 * SECOND), ends, "the same wait");
        let expired = course.expire(Limit::First, head + 10 * SECOND);
        assert_eq!((expired.limit, expired.elapsed), (9 * SECOND, 10 * SECOND));

        course.frame();
        let ends = end(head + 21 * SECOND, Limit::Idle);
        assert_eq!(course.wait(head + 20 * SECOND), ends, "first is over");
    }

    #[test]
    fn idling_runs_while_a_reader_waits_and_a_frame_ends_it_i4() {
        let head = time::now();
        let mut course = Course::new(limits(SECOND, SECOND, NEVER), Some(head));
        course.frame();
        assert!(!course.waits());
        assert_eq!(course.overdue(head + 60 * SECOND), None, "nobody waits");
        let began = head + 60 * SECOND;
        assert_eq!(course.wait(began), end(began + SECOND, Limit::Idle));
        assert!(course.waits());
        assert_eq!(
            course.wait(began + SECOND / 2),
            end(began + SECOND, Limit::Idle),
            "asking again puts nothing off"
        );
        let expired = course.expire(Limit::Idle, began + 2 * SECOND);
        assert_eq!((expired.limit, expired.elapsed), (SECOND, 2 * SECOND));
        course.frame();
        let again = began + 2 * SECOND;
        assert_eq!(course.wait(again), end(again + SECOND, Limit::Idle));
    }

    #[test]
    fn a_frame_puts_off_neither_the_total_nor_the_deadline_i1() {
        let head = time::now();
        let all = limits(SECOND, SECOND, 3 * SECOND);
        let mut course = Course::new(all, Some(head));
        for half in 1..=4 {
            course.frame();
            let _ = course.wait(head + half * SECOND / 2);
        }
        course.frame();
        let late = head + 5 * SECOND / 2;
        assert_eq!(course.wait(late), end(head + 3 * SECOND, Limit::Total));
        let at = head + 11 * SECOND / 4;
        let mut course = Course::new(all.deadline(Deadline::at(at)), Some(head));
        course.frame();
        assert_eq!(course.wait(late), end(at, Limit::Deadline));
        let expired = course.expire(Limit::Deadline, late + SECOND);
        assert_eq!(expired.limit, 11 * SECOND / 4);
        assert_eq!(expired.elapsed, 7 * SECOND / 2);
    }

    #[test]
    fn at_the_same_instant_the_deadline_comes_before_the_total_and_that_before_the_rest_i2() {
        let head = time::now();
        let same = limits(SECOND, SECOND, SECOND);
        let deadline = Deadline::at(head + SECOND);
        for later in [false, true] {
            let began = |limits| {
                let mut course = Course::new(limits, Some(head));
                if later {
                    course.frame();
                }
                course.wait(head).unwrap().by
            };
            assert_eq!(began(same.deadline(deadline)), Limit::Deadline);
            assert_eq!(began(same), Limit::Total);
            let nearly = same.deadline(Deadline::at(head + SECOND + NANO));
            assert_eq!(began(nearly), Limit::Total);
        }
    }

    #[test]
    fn what_lies_beyond_the_clock_never_ends_a_body_i3() {
        let head = time::now();
        let mut course = Course::new(limits(NEVER, NEVER, NEVER), None);
        assert_eq!(course.wait(head), None);
        course.frame();
        assert_eq!(course.wait(head), None);
        assert_eq!(course.overdue(head + 100 * SECOND), None);
        let until = BodyLimits::until(Deadline::NEVER);
        assert_eq!(until, limits(NEVER, NEVER, NEVER));
    }

    #[test]
    fn what_any_limit_bounds_is_not_endless() {
        let endless = |limits| Course::new(limits, None).is_endless();
        assert!(endless(limits(NEVER, NEVER, NEVER)));
        for bounded in [
            limits(SECOND, NEVER, NEVER),
            limits(NEVER, SECOND, NEVER),
            limits(NEVER, NEVER, SECOND),
            BodyLimits::until(Deadline::at(time::now())),
        ] {
            assert!(!endless(bounded), "{bounded:?}");
        }
    }

    #[test]
    fn the_instant_of_the_end_itself_is_overdue_and_the_nanosecond_before_is_not() {
        let head = time::now();
        for limit in [NANO, SECOND] {
            let mut course = Course::new(limits(NEVER, NANO, limit), Some(head));
            course.frame();
            assert_eq!(course.overdue(head + limit - NANO), None);
            let overdue = course.overdue(head + limit);
            assert_eq!(overdue, end(head + limit, Limit::Total));
        }
    }

    #[test]
    fn without_a_limit_from_the_head_the_time_is_told_from_when_it_was_first_read() {
        let head = time::now();
        let until = BodyLimits::until(Deadline::at(head + SECOND));
        assert!(!until.runs_from_head());
        let mut course = Course::new(until, None);
        let _ = course.wait(head + SECOND / 4);
        let expired = course.expire(Limit::Deadline, head + SECOND);
        assert_eq!(expired.limit, 3 * SECOND / 4);
        assert_eq!(expired.elapsed, 3 * SECOND / 4);
        // One that has passed already.
        let mut late = Course::new(until, None);
        assert_eq!(
            late.wait(head + 2 * SECOND),
            end(head + SECOND, Limit::Deadline)
        );
    }

    #[test]
    fn of_two_deadlines_the_sooner_counts_and_a_limit_from_the_head_is_known() {
        let now = time::now();
        let (soon, late) = (Deadline::at(now), Deadline::at(now + SECOND));
        assert_eq!(
            BodyLimits::until(late).deadline(soon),
            BodyLimits::until(soon).deadline(late)
        );
        assert!(limits(SECOND, NEVER, NEVER).runs_from_head());
        assert!(limits(NEVER, NEVER, SECOND).runs_from_head());
        assert!(!limits(NEVER, SECOND, NEVER).runs_from_head());
    }
}
