//! What the services of one layer share.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tower::BoxError;

use crate::error::Kind;
use crate::name::Name;
use crate::sync::{Held, Lock};
use crate::telemetry::{Calls, Counter, Gauge, Metered, Scope, Tally};
use crate::time;

use super::execution::Slots;
use super::key::Namespace;
use super::limit::Limited;
use super::wait::Waiters;
use super::{IdempotencyConfig, Scoped, StoreKey};

/// Why the store gave no answer.
pub(super) type Cause = Arc<dyn StdError + Send + Sync>;

pub(super) struct Shared<T> {
    pub(super) store: T,
    namespace: Namespace,
    pub(super) config: Lock<IdempotencyConfig>,
    pub(super) slots: Slots,
    pub(super) waiters: Waiters,
    pub(super) figures: Figures,
    calls: Calls,
}

/// What the calls of one service hold, and all that it is made of but the inner service and the scope.
pub(super) struct Parts<P, C, T> {
    pub(super) shared: Arc<Shared<T>>,
    pub(super) prepare: Arc<P>,
    pub(super) capture: Arc<C>,
}

impl<P, C, T> Metered for Parts<P, C, T> {
    fn calls(&self) -> &Calls {
        &self.shared.calls
    }
}

/// Counts a call that holds the parts.
pub(super) type PartsTally<P, C, T> = Tally<Parts<P, C, T>, Held<Parts<P, C, T>>>;

/// What is counted besides the calls.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) executing: Gauge,
    pub(super) waiting: Gauge,
    pub(super) replays: Counter,
    pub(super) kept: Counter,
    pub(super) tombstones: Counter,
    pub(super) released: Counter,
    pub(super) unknown: Counter,
    pub(super) takeovers: Counter,
    pub(super) superseded: Counter,
    pub(super) finish_failed: Counter,
    pub(super) lease_lost: Counter,
    pub(super) unprotected: Counter,
    pub(super) nested: Counter,
}

impl Figures {
    fn new(scope: &Scope) -> Self {
        let executions = |disposition| {
            let metric = "mainstay_idempotency_executions_total";
            scope.counter_by(metric, "disposition", disposition)
        };
        let bypassed = |why| scope.counter_by("mainstay_idempotency_bypassed_total", "why", why);
        Self {
            executing: scope.gauge("mainstay_idempotency_executing"),
            waiting: scope.gauge("mainstay_idempotency_waiting"),
            replays: scope.counter("mainstay_idempotency_replays_total"),
            kept: executions("keep"),
            tombstones: executions("tombstone"),
            released: executions("release"),
            unknown: executions("unknown"),
            takeovers: scope.counter("mainstay_idempotency_takeovers_total"),
            superseded: scope.counter("mainstay_idempotency_superseded_total"),
            finish_failed: scope.counter("mainstay_idempotency_finish_failed_total"),
            lease_lost: scope.counter("mainstay_idempotency_lease_lost_total"),
            unprotected: bypassed("store_down"),
            nested: bypassed("nested"),
        }
    }
}

/// What the layer refuses with, and what a [`Prepare`](super::Prepare) does.
const KINDS: [Kind; 16] = [
    Kind::KeyMissing,
    Kind::KeyMalformed,
    Kind::ScopeMissing,
    Kind::KeyReused,
    Kind::InFlight,
    Kind::OutcomeUnknown,
    Kind::ResultUnavailable,
    Kind::BodyTooLarge,
    Kind::BodyFailed,
    Kind::StoreUnavailable,
    Kind::StoreFull,
    Kind::TooManyWaiters,
    Kind::ShuttingDown,
    Kind::BulkheadFull,
    Kind::NotReady,
    Kind::DeadlineExceeded,
];

impl<T> Shared<T> {
    pub(super) fn new(name: Name, config: IdempotencyConfig, store: T) -> Self {
        let namespace = Namespace::new(&name);
        let scope = Scope::new("idempotency", name);
        Self {
            store,
            namespace,
            config: Lock::new(config),
            slots: Slots::default(),
            waiters: Waiters::default(),
            figures: Figures::new(&scope),
            calls: Calls::new(scope, &KINDS),
        }
    }

    pub(super) fn config(&self) -> IdempotencyConfig {
        *self.config.lock()
    }

    pub(super) fn store_key<N: AsRef<[u8]>>(
        &self,
        scope: &Scoped<N>,
        key: super::ClientKey,
    ) -> Option<StoreKey> {
        let scope = match scope {
            // An empty name is what is left of a tenant that was not found.
            Scoped::To(name) if name.as_ref().is_empty() => return None,
            Scoped::To(name) => Some(name.as_ref()),
            Scoped::Single => None,
            Scoped::Missing => return None,
        };
        Some(self.namespace.key(scope, key))
    }
}

impl<T> Metered for Shared<T> {
    fn calls(&self) -> &Calls {
        &self.calls
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("scope", self.calls.scope())
            .field("config", &self.config())
            .finish_non_exhaustive()
    }
}

/// Asks the store, and asks once more when it does not answer: what is asked has the same effect
/// twice.
pub(super) async fn ask<A, F, R, E>(timeout: Duration, asking: A) -> Result<R, Cause>
where
    A: Fn() -> F,
    F: Future<Output = Result<R, E>>,
    E: Into<BoxError>,
{
    match ask_once(timeout, &asking).await {
        Ok(answer) => Ok(answer),
        Err(_) => ask_once(timeout, &asking).await,
    }
}

/// Asks the store, and waits no longer than `timeout`.
pub(super) async fn ask_once<A, F, R, E>(timeout: Duration, asking: A) -> Result<R, Cause>
where
    A: Fn() -> F,
    F: Future<Output = Result<R, E>>,
    E: Into<BoxError>,
{
    let ends = || time::after(time::now(), timeout);
    match Limited::new(asking(), ends).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Arc::from(error.into())),
        Err(time_up) => Err(Arc::new(time_up)),
    }
}
