//! The trace context of the task being polled.

use std::cell::RefCell;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project::pin_project;

use crate::rng::Rng;

use super::{Baggage, TraceContext};

thread_local! {
    /// Borrowed while it is copied or exchanged, and for nothing that could come back here.
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// What is said of the code now running.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    pub(crate) context: TraceContext,
    /// Empty where none is carried.
    pub(crate) baggage: Baggage,
}

impl Current {
    /// A copy of what is said of the code now running.
    pub(crate) fn take() -> Option<Self> {
        read(Self::clone)
    }
}

pub(crate) fn current() -> Option<TraceContext> {
    read(|current| current.context.clone())
}

/// A further call of the current context.
pub(crate) fn child(rng: &Rng) -> Option<TraceContext> {
    read(|current| current.context.child(rng))
}

impl Baggage {
    /// That of the code now running: it goes along with the current [`TraceContext`]. Empty where there
    /// is none.
    pub fn current() -> Self {
        read(|current| current.baggage.clone()).unwrap_or_default()
    }
}

/// `None` too where the thread is being torn down, and the slot is gone before the code that asks.
#[inline]
fn read<T>(part: impl FnOnce(&Current) -> T) -> Option<T> {
    let read = CURRENT.try_with(|slot| slot.try_borrow().ok()?.as_ref().map(part));
    read.ok().flatten()
}

/// A future that is polled in a trace context; made by [`TraceContext::in_scope`].
///
/// The context is current while the future is polled, and at no other time: not in tasks that it spawns,
/// not while others of the same thread are polled, not while it is dropped, not while the body of a
/// response that it gave is polled. A panic leaves what was
/// current before. The baggage that was current when the scope was made goes along.
#[pin_project]
#[derive(Debug)]
pub struct InScope<F> {
    /// While the future is polled, what was current outside.
    held: Option<Current>,
    #[pin]
    inner: F,
}

impl<F> InScope<F> {
    pub(crate) fn new(context: TraceContext, inner: F) -> Self {
        let baggage = Baggage::current();
        let held = Some(Current { context, baggage });
        Self { held, inner }
    }

    /// A future that was made while what is `held` now was current.
    pub(crate) const fn made(held: Option<Current>, inner: F) -> Self {
        Self { held, inner }
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _swapped = Swapped::new(this.held);
        this.inner.poll(cx)
    }
}

/// What is held and what is current have changed places until it is dropped, also by a panic. So a poll
/// moves the context and clones nothing.
pub(crate) struct Swapped<'a>(&'a mut Option<Current>);

impl<'a> Swapped<'a> {
    #[inline]
    pub(crate) fn new(held: &'a mut Option<Current>) -> Self {
        swap(held);
        Self(held)
    }
}

impl Drop for Swapped<'_> {
    #[inline]
    fn drop(&mut self) {
        swap(self.0);
    }
}

/// Changes nothing where the thread is being torn down: there is no current context any more.
#[inline]
fn swap(held: &mut Option<Current>) {
    let _ = CURRENT.try_with(|slot| {
        if let Ok(mut slot) = slot.try_borrow_mut() {
            mem::swap(held, &mut slot);
        }
    });
}
