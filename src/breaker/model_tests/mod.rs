//! The circuit against a model of it, over random schedules.

mod model;
mod schedules;
