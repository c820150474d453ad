//! The time since the machine was started.

use crate::coordination::Moment;

use super::Clock;

/// The clock to use outside tests: on Linux and Android `CLOCK_BOOTTIME`, which counts the time for which
/// the machine is suspended (`clock_gettime(2)`).
///
/// Elsewhere it is tokio's clock, that is [`std::time::Instant`], of which it is not said whether it
/// counts that time (rust-lang/rust#87906). There, a machine that may be suspended must hold no lease.
///
/// A paused test does not stop it on Linux; [`TokioClock`](super::TokioClock) is for that.
#[derive(Clone, Copy, Debug, Default)]
pub struct BootClock;

impl Clock for BootClock {
    fn now(&self) -> Moment {
        Moment::from_origin(platform::elapsed())
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod platform {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    pub(super) fn elapsed() -> Duration {
        let time = clock_gettime(ClockId::Boottime);
        // Neither is ever negative, nor are there more nanoseconds than a second has.
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
        Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into()))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod platform {
    use std::sync::OnceLock;
    use std::time::Duration;

    use crate::time::{Instant, now};

    pub(super) fn elapsed() -> Duration {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        let present = now();
        present.saturating_duration_since(*ORIGIN.get_or_init(|| present))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_go_back() {
        let mut last = BootClock.now();
        for _ in 0..10_000 {
            let present = BootClock.now();
            assert!(present >= last);
            last = present;
        }
    }

    #[test]
    fn it_goes_on() {
        let start = BootClock.now();
        while BootClock.now() == start {}
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn it_is_the_time_since_boot_that_the_kernel_tells() {
        let told = std::fs::read_to_string("/proc/uptime").unwrap();
        let told: f64 = told.split(' ').next().unwrap().parse().unwrap();
        let elapsed = BootClock.now().since(Moment::ORIGIN).as_secs_f64();
        assert!((elapsed - told).abs() < 60.0, "{elapsed} s and {told} s");
    }
}
