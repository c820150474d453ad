//! The clock by which tokio's timers go.

use crate::coordination::Moment;
use crate::time::{Instant, now};

use super::Clock;

/// tokio's clock, which a paused test stops and moves. It starts at its origin; its copies share it.
///
/// It does not count the time for which the machine is suspended, so it is for tests:
/// [`BootClock`](super::BootClock) is for the rest.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    origin: Instant,
}

impl TokioClock {
    /// One that starts now.
    #[expect(
        clippy::new_without_default,
        reason = "a default that depends on when it is made surprises"
    )]
    pub fn new() -> Self {
        Self { origin: now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Moment {
        Moment::from_origin(now().saturating_duration_since(self.origin))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_moves_with_the_paused_clock() {
        let clock = TokioClock::new();
        assert_eq!(clock.now(), Moment::ORIGIN);
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(clock.now(), Moment::from_origin(Duration::from_secs(7)));
    }
}
