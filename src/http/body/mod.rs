//! Request bodies that are recorded as they stream, so that they can be sent again.

mod layer;
#[cfg(all(test, mainstay_loom))]
mod loom_tests;
mod reader;
mod recording;
mod replay_body;
mod tape;
mod waiters;

pub use layer::{RecordBody, ReplayBodyLayer};
pub use recording::BodyLost;
pub use replay_body::ReplayBody;

pub(super) use recording::Recording;
