//! The gate as a layer before a service.

mod bearer;
mod future;
mod held;
mod layer;
mod service;

pub use bearer::{Bearer, TokenField};
pub use future::ResponseFuture as FencingFuture;
pub use layer::{FencingLayer, OnMissing};
pub use service::Fencing;
