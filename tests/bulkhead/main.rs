//! The bulkhead through its public API.
#![cfg(feature = "bulkhead")]

mod permits;
mod queue;
mod room;
