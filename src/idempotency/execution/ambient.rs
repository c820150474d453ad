//! Which executions the code now running is part of.

use std::cell::Cell;

use crate::context::{Entered, Said};
use crate::idempotency::StoreKey;

use super::Execution;

thread_local! {
    static WITHIN: Cell<Option<Execution>> = const { Cell::new(None) };
}

impl Said for Execution {
    fn with<T>(then: impl FnOnce(&Cell<Option<Self>>) -> T) -> T {
        WITHIN.with(then)
    }
}

pub(super) fn innermost() -> Option<Execution> {
    let execution = WITHIN.take();
    WITHIN.set(execution.clone());
    execution
}

/// Says, until the guard is dropped, that the code that runs is part of `execution`, and of what is
/// around it.
pub(super) fn enter(execution: &Execution) -> Entered<Execution> {
    Entered::new(execution.clone())
}

/// Whether the code now running is part of an execution under `key`.
pub(in crate::idempotency) fn is_within(key: StoreKey) -> bool {
    let innermost = innermost();
    let mut execution = innermost.as_ref();
    while let Some(inner) = execution {
        if inner.key() == key {
            return true;
        }
        execution = inner.around().innermost();
    }
    false
}

/// The executions that a call was made in, taken along to a task of its own.
#[derive(Clone, Debug)]
pub(in crate::idempotency) struct Around(Option<Execution>);

impl Around {
    pub(in crate::idempotency) fn take() -> Self {
        Self(innermost())
    }

    pub(super) const fn innermost(&self) -> Option<&Execution> {
        self.0.as_ref()
    }
}
