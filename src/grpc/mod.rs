//! What the patterns need to know of gRPC.

mod classify;
mod code;
mod details;
#[cfg(feature = "idempotency")]
mod idempotency;
mod presets;
mod protobuf;
mod pushback;
#[cfg(feature = "retry")]
mod replay;
mod respond;
#[cfg(feature = "breaker")]
mod settle;

pub use classify::ByCode;
pub use code::Code;
#[cfg(feature = "idempotency")]
pub use idempotency::ResultPolicy;
pub use pushback::pushback;
#[cfg(feature = "retry")]
pub use replay::IdempotentMethods;
pub use respond::RespondLayer;
#[cfg(feature = "breaker")]
pub use settle::{AtTrailers, SettledBody};
