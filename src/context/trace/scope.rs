//! The trace context of the task being polled.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project::pin_project;

use super::{Baggage, TraceContext};

thread_local! {
    static CURRENT: Cell<Option<Current>> = const { Cell::new(None) };
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

impl Baggage {
    /// That of the code now running: it goes along with the current [`TraceContext`]. Empty where there
    /// is none.
    pub fn current() -> Self {
        read(|current| current.baggage.clone()).unwrap_or_default()
    }
}

/// `None` too where the thread is being torn down, and the slot is gone before the code that asks.
fn read<T>(part: impl FnOnce(&Current) -> T) -> Option<T> {
    let read = CURRENT.try_with(|slot| {
        let current = slot.take();
        let part = current.as_ref().map(part);
        slot.set(current);
        part
    });
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

    /// The future that `make` gives, made and polled in the scope.
    pub(crate) fn around(current: Current, make: impl FnOnce() -> F) -> Self {
        let mut held = Some(current);
        let inner = {
            let _swapped = Swapped::new(&mut held);
            make()
        };
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
    pub(crate) fn new(held: &'a mut Option<Current>) -> Self {
        swap(held);
        Self(held)
    }
}

impl Drop for Swapped<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

/// Changes nothing where the thread is being torn down: there is no current context any more.
fn swap(held: &mut Option<Current>) {
    let _ = CURRENT.try_with(|slot| *held = slot.replace(held.take()));
}
