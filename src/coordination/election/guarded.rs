//! Futures that end with their term.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::{pin_project, pinned_drop};

use crate::time;
use crate::timer::Timer;

use super::work::Place;
use super::{LeadershipLost, Term};

/// A future that runs while a term is valid: [`Term::run`].
///
/// Its output is the future's own, or [`LeadershipLost`]. An output that is there when the term ends in
/// that very poll is given out.
///
/// # Panics
/// When it has to wait outside a runtime of tokio with time enabled.
///
/// # Cancel safety
/// Dropped, the future is dropped, and nothing of it is left.
#[pin_project]
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Guarded<F> {
    #[pin]
    inner: Option<F>,
    #[pin]
    lost: Lost,
    /// Last, so that the future is gone when it is no longer work of the term.
    job: Job,
}

impl<F> Guarded<F> {
    /// The term that it runs under.
    pub fn term(&self) -> &Term {
        &self.lost.term
    }

    /// What it runs, until it is dropped.
    pub(in crate::coordination) const fn inner(&self) -> Option<&F> {
        self.inner.as_ref()
    }
}

impl<F: Future> Guarded<F> {
    /// Like `poll`, but for that the future stays to be looked at, and work of the term, until this is
    /// dropped.
    pub(in crate::coordination) fn poll_kept(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, LeadershipLost>> {
        let mut this = self.project();
        let inner = this.inner.as_pin_mut();
        let answer = match inner.filter(|_| this.lost.term.is_valid()) {
            Some(inner) => inner.poll(cx).map(Some),
            None => Poll::Ready(None),
        };
        let answer = match answer {
            Poll::Ready(answer) => answer,
            Poll::Pending => {
                ready!(this.lost.as_mut().poll(cx));
                None
            }
        };
        let token = this.lost.term.token();
        Poll::Ready(answer.ok_or(LeadershipLost::new(token)))
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, LeadershipLost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.as_mut().poll_kept(cx));
        let mut this = self.project();
        this.inner.set(None);
        this.job.end();
        Poll::Ready(answer)
    }
}

/// Something that works under a term; it counts until it has ended.
#[derive(Debug)]
pub(in crate::coordination) struct Job {
    term: Term,
    is_open: bool,
}

impl Job {
    pub(super) fn begin(term: Term) -> Self {
        term.shared.work.begin();
        Self {
            term,
            is_open: true,
        }
    }

    /// It has its future now.
    pub(in crate::coordination) fn run<F>(self, future: F) -> Guarded<F> {
        Guarded {
            inner: Some(future),
            lost: Lost::new(self.term.clone()),
            job: self,
        }
    }

    fn end(&mut self) {
        if mem::take(&mut self.is_open) {
            self.term.shared.work.end();
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ends when a term does: [`Term::lost`].
///
/// # Panics
/// When it has to wait outside a runtime of tokio with time enabled.
#[pin_project(PinnedDrop)]
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Lost {
    term: Term,
    place: Place,
    #[pin]
    timer: Timer,
}

impl Lost {
    pub(super) fn new(term: Term) -> Self {
        Self {
            term,
            place: Place::default(),
            timer: Timer::unarmed(),
        }
    }
}

impl Future for Lost {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        this.term.shared.work.wait(this.place, cx.waker());
        // The timer goes by another clock, and for a deadline that may have moved: it only wakes.
        while let Some(left) = this.term.left() {
            if !this.timer.is_armed() {
                let at = time::after(time::now(), left);
                this.timer.as_mut().arm(at);
            }
            ready!(this.timer.as_mut().poll_fired(cx));
            this.timer.as_mut().arm(None);
        }
        Poll::Ready(())
    }
}

#[pinned_drop]
impl PinnedDrop for Lost {
    fn drop(self: Pin<&mut Self>) {
        let this = self.project();
        this.term.shared.work.leave(this.place);
    }
}
