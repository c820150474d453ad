//! The clock of the standard library in virtual time, for those who read it and not tokio's.
//!
//! On Linux `std::time::Instant` asks the C library's `clock_gettime`, and a program that has a function
//! of that name is asked itself. This one answers with tokio's paused clock where a model has said so, and
//! with the kernel's everywhere else. So what reads that clock runs unchanged, and each run is the same.

use std::time::Duration;

/// Until it is dropped, `std::time::Instant` goes with tokio's clock on this thread.
#[must_use]
pub struct Virtual(());

impl Virtual {
    pub fn begin() -> Self {
        #[cfg(target_os = "linux")]
        linux::ORIGIN.set(Some(tokio::time::Instant::now()));
        Self(())
    }

    /// # Panics
    /// Where the standard library's clock cannot be replaced, so that nothing is drawn that is not true.
    #[expect(
        clippy::disallowed_methods,
        reason = "it is that clock which is looked at"
    )]
    pub async fn check(&self) {
        let (long, before) = (Duration::from_secs(4321), std::time::Instant::now());
        tokio::time::sleep(long).await;
        let told = before.elapsed();
        assert_eq!(told, long, "others' breakers can be drawn on Linux only");
    }
}

impl Drop for Virtual {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        linux::ORIGIN.set(None);
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::cell::Cell;

    use libc::{CLOCK_MONOTONIC, SYS_clock_gettime, c_int, clockid_t, syscall, timespec};
    use tokio::time::Instant;

    thread_local! {
        pub static ORIGIN: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    /// What it shows at the origin: late enough that a window before it begins after zero.
    const EPOCH: i64 = 1_000_000;

    #[unsafe(no_mangle)]
    unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
        let origin = match clock {
            // Taken out meanwhile: whoever asks for the time in here is told the kernel's.
            CLOCK_MONOTONIC => ORIGIN.take(),
            _ => None,
        };
        let Some(origin) = origin else {
            // SAFETY: the caller's arguments, as they are.
            return unsafe { syscall(SYS_clock_gettime, clock, time) } as c_int;
        };
        let elapsed = origin.elapsed();
        ORIGIN.set(Some(origin));
        let shown = timespec {
            tv_sec: EPOCH + elapsed.as_secs() as i64,
            tv_nsec: elapsed.subsec_nanos().into(),
        };
        // SAFETY: the caller gives a place to write to.
        unsafe { time.write(shown) };
        0
    }
}
