//! Carries the time that is left from hop to hop.

mod client;
mod cover;
mod future;
mod message;
mod record;
mod server;
mod share;
mod wire;

pub use crate::context::Deadline;
pub use client::{DeadlineClient, DeadlineClientConfig, DeadlineClientHandle, DeadlineClientLayer};
pub use cover::{Cover, HeadOnly};
pub use future::ResponseFuture;
pub use server::{
    DeadlineServer, DeadlineServerConfig, DeadlineServerHandle, DeadlineServerLayer, Expired,
    Nobody, Trust,
};
pub use wire::{Format, Text};
