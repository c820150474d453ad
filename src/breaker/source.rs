//! Where a circuit gets the time and its randomness; both are read before a lock is taken.

use crate::rng::Rng;
use crate::sync::Lock;
use crate::time::{self, Instant};

pub(super) trait Source {
    fn now(&self) -> Instant;

    /// 64 random bits.
    fn draw(&self) -> u64;
}

/// tokio's clock and the layer's generator.
#[derive(Debug)]
pub(super) struct Live<'a>(pub(super) &'a Lock<Rng>);

impl Source for Live<'_> {
    fn now(&self) -> Instant {
        time::now()
    }

    fn draw(&self) -> u64 {
        let rng = self.0.lock().clone();
        rng.bits()
    }
}

/// Reads a source's clock once, if at all.
#[derive(Debug)]
pub(super) struct Clock<'a, S> {
    source: &'a S,
    now: Option<Instant>,
}

impl<'a, S: Source> Clock<'a, S> {
    pub(super) const fn new(source: &'a S) -> Self {
        Self { source, now: None }
    }

    pub(super) fn now(&mut self) -> Instant {
        *self.now.get_or_insert_with(|| self.source.now())
    }
}
