//! Where the highest token is kept, so that it never goes back.

mod contract;
mod crc;
mod ephemeral;
mod error;
mod file;
mod journal;
mod lock;

pub use contract::{TokenRecord, TokenStore};
pub use ephemeral::EphemeralTokenStore;
pub use error::StoreError;
pub use file::FileTokenStore;
