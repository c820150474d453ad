//! Runs a request once, and answers its repeats with what came of it.
//!
//! Use it on a server in front of whatever must not happen twice (a charge, an order, a mail) and cannot
//! be undone: clients repeat what they have no answer to, and whether the first was lost on its way there
//! or on its way back they cannot know. With it they may repeat as often as they like.
//!
//! Do **not** use it for what is idempotent anyway, nor in the place of a transaction: a process that
//! dies between the effect and its note leaves an execution of unknown outcome, and no layer can tell.
//! Where all effects are rows of one database, write the key in the same transaction.
//!
//! ```
//! use mainstay::idempotency::{
//!     ByMessageId, DoneOnly, Fingerprint, Hasher, IdempotencyConfig, IdempotencyLayer, MemoryStore,
//!     MemoryStoreConfig,
//! };
//! use mainstay::{Executed, Kind, StackError};
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
//!
//! #[derive(Clone)]
//! struct Charge {
//!     account: &'static str,
//!     key: &'static str,
//!     cents: u32,
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! let keys = ByMessageId::new(|charge: &Charge| Some(charge.key)).fingerprint_by(|charge: &Charge| {
//!     Fingerprint::hashed(Hasher::new("charge").part(&charge.cents.to_be_bytes()))
//! });
//! let store = MemoryStore::new(MemoryStoreConfig::default())?;
//! let once = IdempotencyLayer::new(
//!     "charges",
//!     IdempotencyConfig::at_most_once(),
//!     keys,
//!     DoneOnly::new().response(|| "charged"),
//!     store,
//! )?
//! .scope(|charge: &Charge| Some(charge.account)); // two accounts never share a key
//!
//! let mut service = ServiceBuilder::new().layer(once).service_fn(|charge: Charge| async move {
//!     println!("{} is charged", charge.cents);
//!     Ok::<_, BoxError>("charged")
//! });
//!
//! let charge = Charge { account: "acme", key: "order-7", cents: 500 };
//! assert_eq!(service.ready().await?.call(charge.clone()).await?, "charged");
//! assert_eq!(service.ready().await?.call(charge.clone()).await?, "charged"); // not again
//!
//! let other = Charge { cents: 900, ..charge };
//! let error = service.ready().await?.call(other).await.unwrap_err();
//! let refusal = error.rejection().expect("the key was used for another charge");
//! assert_eq!(refusal.kind(), Kind::KeyReused);
//! assert_eq!(refusal.executed(), Executed::No);
//! # Ok(())
//! # }
//! ```
//!
//! # What becomes of a key
//! ```text
//!            claim                        finish
//!  absent ──────────▶ pending (owner) ─────────────▶ done (record, or tombstone)
//!    ▲ ▲   release      │  ▲                            │
//!    │ └────────────────┤  │ claim, TakeOver            │ retention ends
//!    │         the lease│  │                            ▼
//!    │         lapses   ▼  │                          absent
//!    └─────────────── lapsed ── claim, Indeterminate ─▶ outcome unknown, until the retention ends,
//!     retention ends        ── finish, late ──────────▶ done       or someone purges the key
//! ```
//! In every state but the first the fingerprint of a request is compared before anything else.
//!
//! An execution claims its key under an owner drawn at random, so each thing it asks of the store can be
//! asked again when the answer was lost. The **lease** says for how long it is believed to be alive; the
//! **retention**, for how long the key is remembered. That a lease has lapsed does not say that nothing
//! ran, so by default ([`OnLapse::Indeterminate`]) nothing runs a second time.
//!
//! # How a request runs
//! 1. A [`Prepare`] finds its key, a [`Scope`] says whose it is, and both are hashed. A request without
//!    a key goes straight through: it costs two reference counts and allocates nothing.
//! 2. The request is read as far as tells it from others, and until the deadline of its caller: a body
//!    that never ends is bounded by that, or by a timeout further out, and by nothing else. Until then
//!    nothing is claimed.
//! 3. The store is asked for the key. A repeat has its answer here, whether or not the inner service is
//!    ready.
//! 4. It runs in a task of its own, under the deadline, the attempt and the span of its caller: a caller
//!    that goes away after this does not stop it. The lease is renewed in the same task, at every third
//!    of it and up to the ceiling, so a handler that blocks its thread is not kept alive.
//! 5. A [`Capture`] says what is to be kept ([`Disposition`]), and the store is told **before** the
//!    response is sent. What it cannot be told now, it is told in the background.
//!
//! A panic of the handler, and the end of its runtime, are unknown, never a release. A refusal by a layer
//! further in says itself whether the request can have run: [`Disposition::of_error`].
//!
//! A handler reads its [`Execution::current`]: which attempt it is, and whether its lease was lost. One
//! whose lease was lost should stop before its next effect.
//!
//! A repeat costs, besides what the store does, one boxed future, and no timer unless the store is waited
//! for. A request that runs costs a task and a small cell more, which the task shares with its caller; and,
//! once its handler has been pending, a boxed heartbeat.
//!
//! # Duplicates in flight
//! By default one is refused, and told what is left of the other's lease, from one second to thirty. With
//! [`Duplicates::Wait`] it waits, bounded in time, by the caller's deadline and in number. It claims again
//! and again, after pauses drawn at random, of at most 25 ms at first and half a second later, and when
//! the store says that the key has changed; so when the first gives the key back, exactly one of those
//! that wait runs.
//!
//! # Within itself
//! A layer that finds itself inside an execution of the very key that it would claim lets the request
//! through: mounted twice by mistake, it would wait for itself. What a handler spawns is not inside.
//!
//! # Shutdown
//! [`IdempotencyHandle::drain`] begins nothing more, and waits for what runs and for what the store is
//! yet to be told.
//!
//! # Refusals
//! | Kind | Executed | When |
//! |---|---|---|
//! | [`KeyMissing`](crate::Kind::KeyMissing), [`KeyMalformed`](crate::Kind::KeyMalformed), [`ScopeMissing`](crate::Kind::ScopeMissing) | `No` | there is no key to ask for |
//! | [`BodyTooLarge`](crate::Kind::BodyTooLarge), [`BodyFailed`](crate::Kind::BodyFailed) | `No` | the request cannot be read; nothing was claimed |
//! | [`KeyReused`](crate::Kind::KeyReused) | `No` | the key was used for another request |
//! | [`InFlight`](crate::Kind::InFlight) | `No` | another call with the key runs; `Yes` when this one ran too, and lost its key to the other |
//! | [`TooManyWaiters`](crate::Kind::TooManyWaiters) | `No` | as many wait as may |
//! | [`OutcomeUnknown`](crate::Kind::OutcomeUnknown) | `Unknown` | an execution was lost; to wait does not help |
//! | [`ResultUnavailable`](crate::Kind::ResultUnavailable) | `Yes` | it ran, and its response was not kept or cannot be read |
//! | [`StoreUnavailable`](crate::Kind::StoreUnavailable) | `No` | the store does not answer; `Yes` where it could not be told of what ran |
//! | [`StoreFull`](crate::Kind::StoreFull), [`BulkheadFull`](crate::Kind::BulkheadFull), [`ShuttingDown`](crate::Kind::ShuttingDown) | `No` | there is no room in the store, or for one more execution, or the layer is drained |
//! | [`NotReady`](crate::Kind::NotReady), [`DeadlineExceeded`](crate::Kind::DeadlineExceeded) | `No` | it could not begin while its lease was kept; it was not read, or did not begin, before its deadline |
//!
//! `No` means that this call ran nothing and may be repeated: the key sees to it.
//!
//! # Defaults
//! | Setting | Default | Range |
//! |---|---|---|
//! | [`lease`](IdempotencyConfig::lease) | 30 s | from 1 s |
//! | [`ceiling`](IdempotencyConfig::ceiling) | 5 min | from the lease |
//! | [`retention`](IdempotencyConfig::retention) | 24 h | from the ceiling to a hundred years |
//! | [`store_timeout`](IdempotencyConfig::store_timeout) | 1 s, and asked once more | above zero, below the lease |
//! | [`on_lapse`](IdempotencyConfig::on_lapse) | `Indeterminate`; `TakeOver` with [`at_least_once`](IdempotencyConfig::at_least_once) | |
//! | [`store_down`](IdempotencyConfig::store_down) | `Refuse` | |
//! | [`strict_finish`](IdempotencyConfig::strict_finish) | off | |
//! | [`duplicates`](IdempotencyConfig::duplicates) | `Refuse` | a wait is above zero |
//! | [`waiters_per_key`](IdempotencyConfig::waiters_per_key), [`waiters`](IdempotencyConfig::waiters) | 64, 4096 | 0 refuses all |
//! | [`executions`](IdempotencyConfig::executions) | 4096 | from 1 |
//! | [`scope`](IdempotencyLayer::scope) | none: without it, or [`single_tenant`](IdempotencyLayer::single_tenant), nothing compiles | |
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_calls_total`, `mainstay_rejections_total` | as for every layer, with `layer="idempotency"`; a replay is `ok` |
//! | `mainstay_idempotency_replays_total` | responses that were made of a record |
//! | `mainstay_idempotency_executions_total` | executions by `disposition`: `keep`, `tombstone`, `release`, `unknown` |
//! | `mainstay_idempotency_executing` | gauge: executions that run, and those of which the store is yet to be told |
//! | `mainstay_idempotency_waiting` | gauge: calls that wait for another with their key |
//! | `mainstay_idempotency_takeovers_total` | executions that took over from one that was lost |
//! | `mainstay_idempotency_superseded_total` | executions whose result the store did not take, as another had taken over: their request ran twice |
//! | `mainstay_idempotency_lease_lost_total` | executions that another could have taken over |
//! | `mainstay_idempotency_finish_failed_total` | results that the store did not take at once |
//! | `mainstay_idempotency_bypassed_total` | requests that ran without a claim, by `why`: `store_down`, `nested` |
//! | `mainstay_idempotency_keys_total` | keys that an [`IdempotencyKeyLayer`] made, with `layer="idempotency_key"` |
//! | `mainstay_idempotency_store_records` | gauge: keys that a [`MemoryStore`] holds, claimed and done |
//! | `mainstay_idempotency_store_bytes` | gauge: bytes that it holds, 576 for each key among them |
//!
//! Neither keys nor scopes nor bodies are in metrics, events or `Debug` texts.
//!
//! # Anti-patterns
//! - A scope that the request names itself: who guesses it sees another's result. Take what the server
//!   has authenticated.
//! - A retention below the time for which clients repeat, or one that they do not know of.
//! - [`MemoryStore`] behind a load balancer: each replica then runs each request once.
//! - [`StoreDown::Run`] and [`OnLapse::TakeOver`] for what must not happen twice.
//! - No timeout inside: a handler that hangs loses its key at the ceiling, but it keeps its place among
//!   the [`executions`](IdempotencyConfig::executions) for as long as its process lives. No caller that
//!   goes away stops it.
//! - A timeout outside that answers for a handler which goes on: its repeat is in flight, as it should
//!   be.
//!
//! # In a stack
//! Server: inside of whatever limits and sheds, directly around the handler and its own layers; a retry
//! inside runs under one claim. Client: [`IdempotencyKeyLayer`] outside of the retries.

mod call;
mod capture;
mod claim;
mod client;
mod config;
#[cfg(feature = "test-util")]
pub mod conformance;
mod execution;
mod future;
mod handle;
mod key;
mod layer;
mod limit;
mod memory;
mod messages;
mod policy;
#[cfg(test)]
mod policy_tests;
mod prepare;
mod refusal;
mod scope;
mod service;
mod shared;
mod store;
mod stored;
mod wait;

pub use capture::{Capture, Disposition, OnError, Unreadable};
pub use claim::{Claim, Claimed, Fenced, OnLapse};
pub use client::{All, IdempotencyKey, IdempotencyKeyLayer, Which};
pub use config::{Duplicates, IdempotencyConfig, StoreDown};
pub use execution::Execution;
pub use future::ResponseFuture;
pub use handle::{IdempotencyHandle, IdempotencySnapshot};
pub use key::{ClientKey, Fingerprint, Hasher, Owner, StoreKey};
pub use layer::IdempotencyLayer;
pub use memory::{MemorySnapshot, MemoryStore, MemoryStoreConfig};
pub use messages::{Acknowledgement, ByMessageId, Defaulted, DoneOnly, Fingerprinting, IdAlone};
pub use prepare::{Prepare, Unfit};
pub use scope::{By, HasScope, Scope, Scoped, SingleTenant, Unscoped};
pub use service::Idempotency;
pub use store::Store;
pub use stored::{Stored, Tombstone};
