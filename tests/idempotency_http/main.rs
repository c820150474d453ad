//! Idempotency keys over HTTP and gRPC: what is read of a request, what is kept of a response, and what
//! a client sees of it. The numbers are those of the list of faults that the pattern answers for.
#![cfg(all(
    feature = "grpc",
    feature = "idempotency",
    feature = "bulkhead",
    feature = "timeout"
))]

mod app;
mod client;
#[path = "../grpc/connection.rs"]
mod connection;
mod inner;
mod keys;
mod kit;
mod replies;
mod requests;
mod responses;
mod served;
mod streams;
#[expect(dead_code, reason = "the channel does not fail here")]
#[path = "../../examples/tonic_kit/mod.rs"]
mod tonic_kit;
mod tonic_stack;
