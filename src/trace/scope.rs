//! The trace context of the task being polled.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project::pin_project;

use super::TraceContext;

thread_local! {
    static CURRENT: Cell<Option<TraceContext>> = const { Cell::new(None) };
}

/// None where the thread is being torn down, and its slot is gone before the code that asks.
pub(super) fn current() -> Option<TraceContext> {
    let read = |slot: &Cell<Option<TraceContext>>| {
        let current = slot.take();
        slot.set(current.clone());
        current
    };
    CURRENT.try_with(read).ok().flatten()
}

/// A future that is polled in a trace context; made by [`TraceContext::in_scope`].
///
/// The context is current while the future is polled, and at no other time: not in what it spawns, not
/// while other futures of the same task are polled, not while it is dropped. A panic leaves the context
/// that was current before.
#[pin_project]
#[derive(Debug)]
pub struct InScope<F> {
    /// While the future is polled: what was current outside.
    context: Option<TraceContext>,
    #[pin]
    inner: F,
}

impl<F> InScope<F> {
    pub(super) const fn new(context: TraceContext, inner: F) -> Self {
        Self {
            context: Some(context),
            inner,
        }
    }

    /// The future that `make` gives, made and polled in the context.
    pub(super) fn around(context: TraceContext, make: impl FnOnce() -> F) -> Self {
        let mut context = Some(context);
        let inner = {
            let _swapped = Swapped::new(&mut context);
            make()
        };
        Self { context, inner }
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _swapped = Swapped::new(this.context);
        this.inner.poll(cx)
    }
}

/// Has what is held and what is current change places until it is dropped, also by a panic. So a poll
/// moves the context and does not clone it.
struct Swapped<'a>(&'a mut Option<TraceContext>);

impl<'a> Swapped<'a> {
    fn new(held: &'a mut Option<TraceContext>) -> Self {
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
fn swap(held: &mut Option<TraceContext>) {
    let _ = CURRENT.try_with(|slot| *held = slot.replace(held.take()));
}
