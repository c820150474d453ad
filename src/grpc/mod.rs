//! What the patterns need to know of gRPC.

#[cfg(feature = "deadline")]
mod cover;

#[cfg(feature = "deadline")]
pub use cover::{CoverStream, CoveredStream};
