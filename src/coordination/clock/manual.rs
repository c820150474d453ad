//! A clock that a test moves.

use std::sync::Arc;
use std::time::Duration;

use crate::coordination::Moment;
use crate::sync::Lock;

use super::Clock;

/// A clock that goes only when it is told to. It starts at its origin; its clones are one clock.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    state: Arc<Lock<State>>,
}

#[derive(Debug, Default)]
struct State {
    elapsed: Duration,
    is_stopped: bool,
}

impl ManualClock {
    /// Lets `step` go by; nothing, while it is stopped.
    pub fn advance(&self, step: Duration) {
        let mut state = self.state.lock();
        if !state.is_stopped {
            state.elapsed = state.elapsed.saturating_add(step);
        }
    }

    /// From now on no time goes by for whoever reads it, as for a clock that does not count suspension.
    pub fn stop(&self) {
        self.state.lock().is_stopped = true;
    }

    /// Ends a stop. What went by meanwhile is not made up for.
    pub fn resume(&self) {
        self.state.lock().is_stopped = false;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        Moment::from_origin(self.state.lock().elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_when_told_and_not_while_stopped_and_not_past_the_end_of_time() {
        let clock = ManualClock::default();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        clock.advance(Duration::from_nanos(1));
        clock.advance(Duration::ZERO);
        clock.stop();
        clock.advance(Duration::from_secs(9));
        assert_eq!(shared.now(), Moment::from_origin(Duration::from_nanos(1)));
        clock.resume();
        clock.advance(Duration::MAX);
        assert_eq!(shared.now(), Moment::from_origin(Duration::MAX));
    }
}
