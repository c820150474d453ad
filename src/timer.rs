//! A timer that costs nothing until it is armed.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use pin_project::pin_project;
use tokio::task::coop;
use tokio::time::{Sleep, sleep_until};

use crate::time::Instant;

/// Fires at the instant it was armed for; never, before it is armed.
#[pin_project]
#[derive(Debug, Default)]
pub(crate) struct Timer {
    #[pin]
    sleep: Option<Sleep>,
}

impl Timer {
    pub(crate) const fn unarmed() -> Self {
        Self { sleep: None }
    }

    /// Armed before it has its place.
    #[inline]
    pub(crate) fn at(at: Instant) -> Self {
        Self {
            sleep: Some(sleep_until(at)),
        }
    }

    /// The same; at `None` it never fires.
    pub(crate) fn armed(at: Option<Instant>) -> Self {
        at.map_or(Self::unarmed(), Self::at)
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.sleep.is_some()
    }

    /// When it fires; `None` when it never does.
    pub(crate) fn fires_at(&self) -> Option<Instant> {
        self.sleep.as_ref().map(Sleep::deadline)
    }

    /// Arms it, again if it was armed before. At `None` it never fires.
    pub(crate) fn arm(self: Pin<&mut Self>, at: Option<Instant>) {
        self.project().sleep.set(at.map(sleep_until));
    }

    /// Ready once the instant has passed.
    ///
    /// Not subject to tokio's cooperative budget: a neighbour in the same task that uses up the
    /// budget at every poll would otherwise put the timer off for ever.
    #[inline]
    pub(crate) fn poll_fired(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().sleep.as_pin_mut() {
            Some(sleep) => pin!(coop::unconstrained(sleep)).poll(cx),
            None => Poll::Pending,
        }
    }
}
