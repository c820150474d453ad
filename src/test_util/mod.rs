//! Kit for testing layers, for those who write their own and for our own tests.
//!
//! | Tool | For |
//! |---|---|
//! | [`Probe`] | the service below the layer: ready, pending, slow, failing, panicking as its [`Watch`] says; panics when it is called without readiness |
//! | [`Watch`] | what the probe does next; what it saw; what of it is still alive |
//! | [`Stepper`] | polls a call by hand: has a pending poll left its waker, does it wake itself in a loop |
//! | [`drop_at_every_poll`] | gives the call up at each point at which a caller can |
//! | [`simulator`] | runs state machines that talk to each other, with faults that a seed decides |
//! | [`CountingWaker`] | how often was it woken, does somebody keep it |
//!
//! They need tokio's clock to be paused (`#[tokio::test(start_paused = true)]`) where time passes,
//! and nothing sleeps in real time.
//!
//! Here is the commonest fault, a clone that is called although nobody made it ready, and how the
//! probe takes it:
//!
//! ```
//! use mainstay::test_util::Probe;
//! use tower::{Service, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let probe = Probe::new();
//! let watch = probe.watch();
//!
//! let mut faulty = service_fn(move |request| {
//!     let mut clone = probe.clone(); // nobody made this one ready
//!     async move { clone.call(request).await }
//! });
//! let call = faulty.ready().await.expect("always ready").call(watch.request());
//!
//! assert!(tokio::spawn(call).await.is_err_and(|error| error.is_panic()));
//! assert_eq!(watch.violations().len(), 1);
//! # }
//! ```
//!
//! # A contract for layers
//! What `tests/contract.rs` of this crate asks of each of its layers is worth asking of yours:
//!
//! 1. Each call of the inner service follows a `Ready` of that very instance.
//! 2. A pending poll has left a waker, and the inner service's readiness wakes it.
//! 3. Responses and errors of the inner service pass through untouched.
//! 4. A service that is ready and idle keeps no other from being called.
//! 5. A call that is dropped, at any poll or before the first, leaves nothing behind.
//! 6. A panic of the inner service unwinds through, and leaves nothing behind.
//! 7. A call that is answered at once allocates nothing.
//! 8. Each call is counted once, by how it ended, and gauges return to where they were.

mod act;
mod drops;
mod probe;
pub mod simulator;
mod stepper;
mod token;
mod wakers;
mod watch;

pub use act::{Act, Readiness};
pub use drops::{Cut, drop_at_every_poll};
pub use probe::{Probe, ProbeFuture};
pub use stepper::Stepper;
pub use token::{Failed, Token};
pub use wakers::CountingWaker;
pub use watch::{Alive, Watch};
