//! Which executions the code now running is part of.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project::pin_project;

use crate::context::{Entered, Said};
use crate::idempotency::StoreKey;

use super::Execution;

thread_local! {
    static WITHIN: Cell<Option<Arc<Link>>> = const { Cell::new(None) };
}

/// An execution, and the one around it: layers may be nested.
#[derive(Debug)]
struct Link {
    execution: Execution,
    around: Option<Arc<Self>>,
}

impl Said for Arc<Link> {
    fn with<T>(then: impl FnOnce(&Cell<Option<Self>>) -> T) -> T {
        WITHIN.with(then)
    }
}

fn innermost() -> Option<Arc<Link>> {
    let link = WITHIN.take();
    WITHIN.set(link.clone());
    link
}

pub(super) fn current() -> Option<Execution> {
    innermost().map(|link| link.execution.clone())
}

/// Whether the code now running is part of an execution under `key`.
pub(in crate::idempotency) fn is_within(key: StoreKey) -> bool {
    let innermost = innermost();
    let mut link = innermost.as_ref();
    while let Some(inner) = link {
        if inner.execution.key() == key {
            return true;
        }
        link = inner.around.as_ref();
    }
    false
}

/// The executions that a call was made in, taken along to a task of its own.
#[derive(Clone, Debug)]
pub(in crate::idempotency) struct Around(Option<Arc<Link>>);

impl Around {
    pub(in crate::idempotency) fn take() -> Self {
        Self(innermost())
    }

    /// Says that `future` is part of `execution`, and of what is around it.
    pub(super) fn over<F>(self, execution: Execution, future: F) -> Within<F> {
        let link = Link {
            execution,
            around: self.0,
        };
        Within {
            link: Arc::new(link),
            inner: future,
        }
    }
}

/// A future that is polled as a part of an execution.
#[pin_project]
#[derive(Debug)]
pub(super) struct Within<F> {
    link: Arc<Link>,
    #[pin]
    inner: F,
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(Arc::clone(this.link));
        this.inner.poll(cx)
    }
}
