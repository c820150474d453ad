//! The layers of `trace` from outside, over `http::Request`.

#![cfg(all(feature = "trace", feature = "http", feature = "test-util"))]

mod boundary;
mod client;
mod kit;
mod scope;
mod server;
#[cfg(all(feature = "metrics", feature = "tracing"))]
mod telemetry;
mod unattached;
