//! Layers set up for HTTP.

#[cfg(feature = "timeout")]
mod timeout;
