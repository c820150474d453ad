//! The settings of a quorum.

use std::sync::Arc;
use std::time::Duration;

use crate::coordination::{BootClock, Clock, Incarnation, Timing};
use crate::rng::Rng;

/// How a node asks for a lease.
#[derive(Clone, Debug)]
#[must_use]
pub struct QuorumConfig {
    pub(super) timing: Timing,
    pub(super) allow_even: bool,
    pub(super) wait: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) incarnation: Option<Incarnation>,
    pub(super) rng: Rng,
}

impl QuorumConfig {
    /// With the times that all who take part share.
    pub fn new(timing: Timing) -> Self {
        Self {
            timing,
            allow_even: false,
            wait: Duration::from_millis(500),
            clock: Arc::new(BootClock),
            incarnation: None,
            rng: Rng::thread(),
        }
    }

    /// Allows an even number of acceptors. It tolerates no more failures than one fewer does, and has one
    /// more that can fail: of two, either one stops the election.
    pub const fn allow_even(mut self) -> Self {
        self.allow_even = true;
        self
    }

    /// For how long a request may be left open that waits for a lease to be given back; then it is made
    /// anew, each hundredth of the ttl at most. Keep the timeout of the transport above it, or each such
    /// request counts as a failure. Zero makes none: then the next leader waits for the lease to end.
    /// Default 500 ms.
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// The clock by which leases are held. Default [`BootClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Names this life of the node, for a test that must be repeatable. Two lives of one name may hold the
    /// lease at once. Default: 128 random bits.
    pub const fn incarnation(mut self, incarnation: Incarnation) -> Self {
        self.incarnation = Some(incarnation);
        self
    }

    /// Where the jitter comes from. Default: the thread's generator.
    pub fn rng(mut self, rng: Rng) -> Self {
        self.rng = rng;
        self
    }
}
