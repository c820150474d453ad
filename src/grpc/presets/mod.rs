//! Layers set up for gRPC.

#[cfg(feature = "breaker")]
mod breaker;
#[cfg(feature = "bulkhead")]
mod bulkhead;
#[cfg(feature = "deadline")]
mod deadline;
#[cfg(feature = "idempotency")]
mod idempotency;
#[cfg(feature = "retry")]
mod retry;
#[cfg(feature = "timeout")]
mod timeout;
