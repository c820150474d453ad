//! What campaigns, leads and resigns: the one who owns the store.

mod campaign;
mod held;
mod lead;
mod run;
mod wait;

pub(super) use run::{Campaign, Driver};
pub(super) use wait::{First, first, reach};
