//! What the issue of a retry is, seen from outside: against the public API and a paused clock.

mod budget;
mod cancel;
mod kit;
mod nested;
mod readiness;
mod stops;
mod waits;
