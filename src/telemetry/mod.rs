//! Metrics and events of the layers.
//!
//! | Metric | Kind | Labels besides `layer` and `name` |
//! |---|---|---|
//! | `mainstay_calls_total` | counter | `outcome`: `ok`, `error`, `rejected`, `cancelled` |
//! | `mainstay_rejections_total` | counter | `kind`: [`Kind::label`](crate::Kind::label) |
//!
//! `layer` is the pattern (`retry`), `name` the instance (`payments`). Every call that enters a
//! layer is counted once by its outcome: what the inner service answered (`ok`, `error`), what the
//! layer refused (`rejected`), and what the caller gave up (`cancelled`). Each pattern's page lists
//! what it adds.
//!
//! Handles are looked up once, when a layer is made. **Install the metrics recorder before making
//! layers**; a layer made earlier stays silent.
//!
//! With the `tracing` feature there is one event per change of state (target `mainstay`, level info,
//! fields `layer`, `name` and `detail`; the message says what changed), and none per healthy call. What
//! a layer decides about a single call is said at debug level, with the reason in `why`.

mod calls;
mod scope;

#[cfg_attr(feature = "metrics", path = "recorded.rs")]
#[cfg_attr(not(feature = "metrics"), path = "silent.rs")]
mod instruments;

#[cfg_attr(feature = "tracing", path = "traced.rs")]
#[cfg_attr(not(feature = "tracing"), path = "untraced.rs")]
mod events;

pub(crate) use calls::{Calls, End, Metered, Open, Tally};
pub(crate) use events::{CallSpan, decided, event, record};
pub(crate) use instruments::{Counter, Gauge, Histogram};
pub(crate) use scope::Scope;
