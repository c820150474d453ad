//! Adapter for HTTP.

mod body;
mod classify;
mod extensions;
#[cfg(feature = "bulkhead")]
mod hold;
mod presets;
#[cfg(feature = "retry")]
mod replay;
mod respond;
mod retry_after;

pub use body::{BodyLost, RecordBody, ReplayBody, ReplayBodyLayer};
pub use classify::ByStatus;
pub use extensions::{AttemptHeader, Extensions};
#[cfg(feature = "bulkhead")]
pub use hold::{HeldBody, UntilBodyEnd};
#[cfg(feature = "retry")]
pub use replay::SafeMethods;
pub use respond::{Respond, RespondLayer, ResponseFuture};
pub use retry_after::retry_after;
