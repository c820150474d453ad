//! Retries as their callers and callees see them: against the public API and a paused clock.

#![cfg(all(feature = "retry", feature = "metrics"))]

mod budget;
mod cancel;
#[cfg(feature = "tracing")]
mod events;
#[cfg(feature = "serde")]
mod files;
mod kit;
mod nested;
mod readiness;
mod schedules;
mod stops;
mod waits;
