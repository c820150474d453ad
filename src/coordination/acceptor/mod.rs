//! Grants the lease of one resource.

mod answer;
mod state;
#[cfg(test)]
mod tests;

pub(super) use answer::Standing;
pub use answer::{Answer, Write};
pub use state::Acceptor;
#[cfg(test)]
pub(super) use state::AcceptorKey;
