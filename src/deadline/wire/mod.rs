//! The time that is left, as it stands in a field of a message.

mod format;
#[cfg(test)]
mod format_tests;
mod text;

pub use format::Format;
pub use text::Text;
