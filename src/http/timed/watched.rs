//! A body with an eye on the clock.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::context::enter_deadline;
use crate::error::{Executed, Rejection};
use crate::name::Name;
use crate::telemetry::{End, Tally};
use crate::time;
use crate::timer::Timer;

use super::BodyLimits;
use super::meter::{Bodies, Open};
use super::policy::{self, Course, Limit};

/// So many frames may come without a wait until the clock is looked at all the same. A body that is
/// never pending, which a slow reader makes of a fast sender, would else outlast any deadline.
const UNSEEN_MAX: u8 = 64;

/// A body that is ended when its time is over, for adapters that say each in their own way that it was.
#[pin_project(project = WatchedProjection)]
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a box would be an allocation for each body, and one that ended is on its way out"
)]
pub(crate) enum Watched<B> {
    Open {
        #[pin]
        inner: B,
        /// Gone with the last frame. What the inner body says after it still passes through.
        #[pin]
        watch: Option<Watch>,
    },
    Ended,
}

/// Why a body failed.
#[derive(Debug)]
pub(crate) enum Cut<E> {
    Inner(E),
    Expired(Rejection),
}

type Item<B> = Option<Result<Frame<<B as Body>::Data>, Cut<<B as Body>::Error>>>;

impl<B> Watched<B> {
    /// A body that is not watched.
    pub(crate) const fn unwatched(inner: B) -> Self {
        Self::Open { inner, watch: None }
    }
}

impl<B: Body> Watched<B> {
    /// Watches `inner`, whose head has just come, and counts it.
    pub(crate) fn counted(inner: B, limits: BodyLimits, tally: Tally<Bodies>) -> Self {
        let name = tally.name();
        Self::new(inner, limits, name, Some(tally))
    }

    /// Watches `inner`, whose head has just come, and counts it, where there is a tally.
    pub(super) fn new(
        inner: B,
        limits: BodyLimits,
        name: Name,
        tally: Option<Tally<Bodies>>,
    ) -> Self {
        if inner.is_end_stream() {
            if let Some(mut tally) = tally {
                tally.end(End::Ok);
            }
            return Self::unwatched(inner);
        }
        let head = limits.runs_from_head().then(time::now);
        let watch = Watch {
            course: Course::new(limits, head),
            end: None,
            timer: Timer::unarmed(),
            unseen: 0,
            name,
            open: tally.map(Open::new),
        };
        Self::Open {
            inner,
            watch: Some(watch),
        }
    }

    pub(crate) fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Item<B>> {
        let WatchedProjection::Open { inner, watch } = self.as_mut().project() else {
            return Poll::Ready(None);
        };
        let polled = poll_open(inner, watch, cx);
        if matches!(polled, Poll::Ready(None | Some(Err(Cut::Expired(_))))) {
            // The inner body goes before its reader hears of the end.
            self.set(Self::Ended);
        }
        polled
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        match self {
            Self::Open { inner, .. } => inner.is_end_stream(),
            Self::Ended => true,
        }
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Open { inner, .. } => inner.size_hint(),
            Self::Ended => SizeHint::with_exact(0),
        }
    }
}

fn poll_open<B: Body>(
    mut inner: Pin<&mut B>,
    mut watch: Pin<&mut Option<Watch>>,
    cx: &mut Context<'_>,
) -> Poll<Item<B>> {
    let Some(mut watching) = watch.as_mut().as_pin_mut() else {
        return inner.poll_frame(cx).map_err(Cut::Inner);
    };
    if let Some(refusal) = watching.as_mut().look() {
        return Poll::Ready(Some(Err(Cut::Expired(refusal))));
    }
    let polled = {
        let _entered = enter_deadline(watching.course.deadline());
        inner.as_mut().poll_frame(cx)
    };
    let Poll::Ready(item) = polled else {
        let refusal = ready!(watching.poll_expired(cx));
        return Poll::Ready(Some(Err(Cut::Expired(refusal))));
    };
    let over = match &item {
        Some(Ok(frame)) => (frame.is_trailers() || inner.is_end_stream()).then_some(End::Ok),
        Some(Err(_)) => Some(End::Error),
        None => Some(End::Ok),
    };
    match over {
        None => watching.frame(),
        Some(end) => {
            watching.end(end);
            watch.set(None);
        }
    }
    Poll::Ready(item.map(|frame| frame.map_err(Cut::Inner)))
}

/// What watches a body until its last frame.
#[pin_project]
#[derive(Debug)]
pub(crate) struct Watch {
    course: Course,
    /// The end that the timer is armed for.
    end: Option<policy::End>,
    #[pin]
    timer: Timer,
    /// How many frames came since the clock was last read.
    unseen: u8,
    name: Name,
    open: Option<Open>,
}

impl Watch {
    fn frame(self: Pin<&mut Self>) {
        let this = self.project();
        this.course.frame();
        *this.unseen = this.unseen.saturating_add(1);
    }

    fn end(self: Pin<&mut Self>, end: End) {
        if let Some(open) = self.project().open {
            open.end(end);
        }
    }

    /// Now and then, looks whether the time of a body that is never pending is over.
    fn look(mut self: Pin<&mut Self>) -> Option<Rejection> {
        let this = self.as_mut().project();
        if *this.unseen < UNSEEN_MAX || this.course.is_endless() {
            return None;
        }
        *this.unseen = 0;
        let now = time::now();
        let end = this.course.overdue(now)?;
        Some(self.expire(end.by, now))
    }

    /// The inner body is pending. Reads the clock once in each wait, and once more when it is over.
    fn poll_expired(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Rejection> {
        let mut this = self.as_mut().project();
        if this.course.is_endless() {
            return Poll::Pending;
        }
        if !this.course.waits() {
            *this.unseen = 0;
            let now = time::now();
            let end = this.course.wait(now);
            if let Some(end) = end.filter(|end| end.at <= now) {
                return Poll::Ready(self.expire(end.by, now));
            }
            let at = end.map(|end| end.at);
            // Only idling ends anew with each wait.
            if at != this.end.map(|end| end.at) {
                this.timer.as_mut().arm(at);
            }
            *this.end = end;
        }
        ready!(this.timer.poll_fired(cx));
        // A timer that fires was armed.
        let by = this.end.map_or(Limit::Total, |end| end.by);
        Poll::Ready(self.expire(by, time::now()))
    }

    fn expire(self: Pin<&mut Self>, by: Limit, now: time::Instant) -> Rejection {
        let this = self.project();
        if let Some(open) = this.open {
            open.expire(by);
        }
        let expired = this.course.expire(by, now);
        Rejection::new(expired.by.kind(), Executed::Unknown, this.name.clone())
            .limit(expired.limit, expired.elapsed)
    }
}
