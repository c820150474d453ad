//! One refusal, one bound on error types, and the adapter that lets any service meet it.
//!
//! A layer that ends a call itself produces a [`Rejection`], which says what happened
//! ([`Kind`]), which instance said so, when to come back, and whether the request can have run
//! ([`Executed`]). Every layer asks of its inner service that its error be able to hold one:
//! [`StackError`]. So an error type never changes along a stack, however many layers it has.
//!
//! Three kinds of error meet the bound:
//!
//! | Error | How |
//! |---|---|
//! | [`tower::BoxError`] | already does |
//! | any other type `E` | `error::layer()` innermost makes it [`Error<E>`] |
//! | your own enum | implement `From<Rejection>` and [`StackError`], two short impls |
//!
//! ```
//! use mainstay::{error, timeout::{TimeoutConfig, TimeoutLayer}, Error, Kind};
//! use std::{convert::Infallible, time::Duration};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut service = ServiceBuilder::new()
//!     .layer(TimeoutLayer::new("slow", TimeoutConfig::default().limit(Duration::from_millis(10)))?)
//!     .layer(error::layer()) // innermost: the service below fails with `Infallible`
//!     .service_fn(|request: u32| async move {
//!         tokio::time::sleep(Duration::from_secs(request.into())).await;
//!         Ok::<_, Infallible>(request)
//!     });
//!
//! assert_eq!(service.ready().await?.call(0).await?, 0);
//! match service.ready().await?.call(1).await {
//!     Err(Error::Rejected(refusal)) => assert_eq!(refusal.kind(), Kind::Timeout),
//!     other => panic!("{other:?}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
#![doc = include_str!("../../docs/troubleshooting.md")]

mod config;
mod layer;
mod rejection;
mod stack;

pub use config::ConfigError;
pub use layer::{ErrorLayer, ErrorService, ResponseFuture, layer};
pub use rejection::{Executed, Kind, Rejection};
pub use stack::{Error, StackError};
