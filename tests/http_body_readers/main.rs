//! Readers of one recorded body that read at the same time: scripted cases, and random schedules
//! against a model.

mod cases;
mod model;
mod support;
