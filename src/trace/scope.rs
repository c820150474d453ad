//! The trace context of the task being polled.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project::pin_project;

use crate::context::Entered;

use super::TraceContext;

thread_local! {
    static CURRENT: Cell<Option<TraceContext>> = const { Cell::new(None) };
}

pub(super) fn current() -> Option<TraceContext> {
    let current = CURRENT.take();
    CURRENT.set(current.clone());
    current
}

/// A future that is polled in a trace context; made by [`TraceContext::in_scope`].
#[pin_project]
#[derive(Debug)]
pub struct InScope<F> {
    context: TraceContext,
    #[pin]
    inner: F,
}

impl<F> InScope<F> {
    pub(super) const fn new(context: TraceContext, inner: F) -> Self {
        Self { context, inner }
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(&CURRENT, this.context.clone());
        this.inner.poll(cx)
    }
}
