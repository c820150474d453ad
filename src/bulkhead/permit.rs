//! The right to be in flight.

/// The right to be in flight; given back when it is dropped.
#[derive(Debug)]
pub struct Permit {}
