//! Keys of requests, and records of responses.

mod gather;
mod key;
mod key_header;
mod policy;
mod post_and_patch;
mod read_body;
mod record;
mod record_response;
mod recorder;
mod stored_headers;

pub use key_header::KeyHeader;
pub(crate) use policy::Judge;
pub use policy::{ResultPolicy, Verdict};
pub use post_and_patch::PostAndPatch;
pub use read_body::ReadBody;
pub use record_response::RecordResponse;
