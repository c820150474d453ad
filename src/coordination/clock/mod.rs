//! The clock by which leases are decided. A timer only wakes: whoever it woke reads this clock again
//! and compares with the deadline that it stored. For a timer may come late, and tokio's stands still
//! while the machine is suspended, when the lease goes on to its end.

mod boot;
#[cfg(feature = "test-util")]
mod manual;
mod source;
mod timers;

pub use boot::BootClock;
#[cfg(feature = "test-util")]
pub use manual::ManualClock;
pub use source::Clock;
pub use timers::TokioClock;
