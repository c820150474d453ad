//! What goes wrong, where and when: the same for the same seed, with the layer and without.

use std::ops::RangeInclusive;
use std::time::Duration;

use mainstay::Rng;

use super::Payment;

/// What becomes of one run of the handler.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mishap {
    None,
    /// It takes its time, and then charges.
    SlowBefore(Duration),
    /// It charges, and then takes its time.
    SlowAfter(Duration),
    /// Its thread stands still, the renewal of its lease with it, and then it would charge.
    Stalls(Duration),
    /// It is full, and says so.
    Busy,
    FailsBefore,
    FailsAfter,
    PanicsBefore,
    PanicsAfter,
}

/// What one client does besides asking.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    /// After so long it drops what it waits for and asks again, once each.
    pub(crate) leaves: Vec<Duration>,
    /// So long after its first request it sends another just like it.
    pub(crate) copies: Vec<Duration>,
}

/// A repeatable source of them.
#[derive(Clone, Debug)]
pub(crate) struct Mishaps {
    seed: u64,
}

/// From below what clients wait for an answer to twice that.
const SLOW: RangeInclusive<Duration> = Duration::from_millis(20)..=Duration::from_millis(800);
/// Longer than the lease, which has to be renewed for it.
const SLOWEST: RangeInclusive<Duration> = Duration::from_millis(2200)..=Duration::from_millis(2800);
/// So that the lease ends, and its client has time to pay under another key.
const STALLED: Duration = Duration::from_millis(2600);

impl Mishaps {
    pub(crate) const fn seeded(seed: u64) -> Self {
        Self { seed }
    }

    /// Each draw depends on where it is for, and not on the draws before it: those come in any order.
    fn rng(&self, payment: u64, place: u64) -> Rng {
        let whole = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Rng::seeded(whole ^ (payment << 16) ^ place)
    }

    /// For the `run`th time, from 1, that the handler is asked to charge a payment. From the fourth
    /// time on nothing happens, so that all come to an end.
    pub(crate) fn of_run(&self, payment: Payment, run: u64) -> Mishap {
        if run > 3 {
            return Mishap::None;
        }
        let rng = self.rng(payment.id, run);
        match rng.bits() % 100 {
            0..9 => Mishap::SlowBefore(rng.duration(SLOW)),
            9..18 => Mishap::SlowAfter(rng.duration(SLOW)),
            18..20 => Mishap::SlowBefore(rng.duration(SLOWEST)),
            20..26 => Mishap::Busy,
            26..30 => Mishap::FailsBefore,
            30..36 => Mishap::FailsAfter,
            36..40 => Mishap::PanicsBefore,
            40..46 => Mishap::PanicsAfter,
            46..48 => Mishap::Stalls(STALLED),
            _ => Mishap::None,
        }
    }

    pub(crate) fn of_client(&self, payment: Payment) -> Habits {
        let rng = self.rng(payment.id, 0);
        let some = |odds: [u64; 2], max| {
            let drawn = rng.bits() % 100;
            let times = odds.iter().filter(|odds| drawn < **odds).count();
            let range = Duration::from_millis(1)..=Duration::from_millis(max);
            (0..times).map(|_| rng.duration(range.clone())).collect()
        };
        Habits {
            leaves: some([25, 8], 60),
            copies: some([30, 10], 300),
        }
    }
}
