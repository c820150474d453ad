//! What the services and handles of one layer share, and how it tells what happens.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{Notify, watch};

use crate::classify::Failure;
use crate::error::{ConfigError, Kind};
use crate::name::Name;
use crate::rng::Rng;
use crate::sync::{self, Lock};
use crate::telemetry::{Calls, Counter, Gauge, Metered, Scope, event};
use crate::time::{self, Instant};

use super::circuit::{Circuit, Judged, News};
use super::config::BreakerConfig;
use super::permit::Permit;
use super::policy::Policy;
use super::refusal::{Refused, Shut};
use super::ruling::Change;
use super::source::Live;
use super::state::{Snapshot, State};
use super::watch::Told;

pub(super) struct Shared {
    circuit: Circuit,
    rng: Lock<Rng>,
    calls: Calls,
    stale: Counter,
    probes: Gauge,
    transitions: [Counter; State::ALL.len()],
    states: [Gauge; State::ALL.len()],
    told: watch::Sender<Told>,
    changed: Arc<Notify>,
}

/// Short: the windows hold a hundred buckets.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuit")
            .field("name", &self.calls.scope().name())
            .field("state", &self.circuit.state())
            .finish_non_exhaustive()
    }
}

impl Metered for Shared {
    fn calls(&self) -> &Calls {
        &self.calls
    }
}

impl Shared {
    pub(super) fn new(name: Name, config: BreakerConfig) -> Result<Self, ConfigError> {
        let circuit = Circuit::new(config, time::now())?;
        let scope = Scope::new("breaker", name);
        let by_state = |metric| {
            let scope = &scope;
            move |state: State| scope.gauge_by(metric, "state", state.label())
        };
        let transitions = |state: State| {
            scope.counter_by("mainstay_breaker_transitions_total", "to", state.label())
        };
        let shared = Self {
            circuit,
            rng: Lock::new(Rng::thread()),
            stale: scope.counter("mainstay_breaker_stale_total"),
            probes: scope.gauge("mainstay_breaker_probes_in_flight"),
            transitions: State::ALL.map(transitions),
            states: State::ALL.map(by_state("mainstay_breaker_state")),
            told: watch::Sender::new(Told::FIRST),
            changed: Arc::new(Notify::new()),
            calls: Calls::new(scope, &[Kind::CircuitOpen, Kind::DeadlineExceeded]),
        };
        of(&shared.states, State::Closed).increment(1.0);
        Ok(shared)
    }

    pub(super) fn replace_rng(&self, rng: Rng) {
        *self.rng.lock() = rng;
    }

    pub(super) fn state(&self) -> State {
        self.circuit.state()
    }

    /// So many nanoseconds after the circuit's origin; `None` is never.
    pub(super) fn instant(&self, nanos: u64) -> Option<Instant> {
        self.circuit.gate.instant(nanos)
    }

    /// Nanoseconds since the circuit's origin.
    pub(super) fn nanos(&self) -> u64 {
        self.circuit.gate.nanos(time::now())
    }

    #[inline]
    pub(super) fn admit(&self) -> Result<Permit, Refused> {
        match self.circuit.pass() {
            Some(permit) => Ok(permit),
            None => self.admit_in_turn(),
        }
    }

    #[cold]
    fn admit_in_turn(&self) -> Result<Permit, Refused> {
        let (admission, news) = self.circuit.admit(&Live(&self.rng));
        self.tell(news);
        if admission.as_ref().is_ok_and(Permit::is_probe) {
            self.probes.increment(1.0);
        }
        admission
    }

    /// A call is refused that was promised to be when the circuit was seen `shut`; when it is worth coming
    /// back.
    pub(super) fn refuse(&self, shut: Shut) -> Refused {
        self.circuit.refuse(shut, &Live(&self.rng))
    }

    /// Whether calls are admitted without asking anybody.
    #[inline]
    pub(super) fn is_passable(&self) -> bool {
        self.circuit.is_passable()
    }

    /// How the circuit is shut, if a look tells so.
    pub(super) fn look(&self) -> Option<Shut> {
        self.circuit.look(&Live(&self.rng))
    }

    /// Whether a call would be admitted.
    #[cold]
    pub(super) fn peek(&self) -> Result<(), Shut> {
        let (admission, news) = self.circuit.peek(&Live(&self.rng));
        self.tell(news);
        admission
    }

    /// The call succeeded; `false` when nothing was done, because the circuit may change by it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see its caller")]
    pub(super) fn succeed(&self, permit: &Permit) -> bool {
        self.circuit.succeed(permit, &Live(&self.rng))
    }

    #[cold]
    pub(super) fn settle(&self, permit: &Permit, failure: Option<Failure>) {
        self.ended(permit);
        let (judged, news) = self.circuit.settle(permit, failure, &Live(&self.rng));
        self.judged(judged);
        self.tell(news);
    }

    #[cold]
    pub(super) fn cancel(&self, permit: &Permit) {
        self.ended(permit);
        let (judged, news) = self.circuit.cancel(permit, &Live(&self.rng));
        self.judged(judged);
        self.tell(news);
    }

    pub(super) fn release(&self, permit: &Permit) {
        self.ended(permit);
        let news = self.circuit.release(permit, &Live(&self.rng));
        self.tell(news);
    }

    pub(super) fn steer(&self, steer: impl FnOnce(&mut Policy) -> Change) {
        let news = self.circuit.steer(steer);
        self.tell(news);
    }

    pub(super) fn reconfigure(&self, config: BreakerConfig) -> Result<(), ConfigError> {
        self.circuit.reconfigure(config)
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let (snapshot, news) = self.circuit.snapshot(&Live(&self.rng));
        self.tell(news);
        snapshot
    }

    pub(super) fn watch(&self) -> watch::Receiver<Told> {
        self.told.subscribe()
    }

    /// Notified when a call that was refused may be admitted.
    pub(super) fn changed(&self) -> &Arc<Notify> {
        &self.changed
    }

    fn ended(&self, permit: &Permit) {
        if permit.is_probe() {
            self.probes.decrement(1.0);
        }
    }

    fn judged(&self, judged: Judged) {
        if judged == Judged::Stale {
            self.stale.increment(1);
        }
    }

    #[inline]
    fn tell(&self, news: News) {
        if !news.is_empty() {
            self.tell_all(news);
        }
    }

    /// Two threads may come here in either order, so the gauges move by difference and the watch keeps
    /// the newer epoch. Events come last: a subscriber is others' code, and wakes depend on nobody's.
    #[cold]
    fn tell_all(&self, news: News) {
        let changes = news.changes.into_iter().flatten();
        for change in changes.clone() {
            of(&self.states, change.from).decrement(1.0);
            of(&self.states, change.to).increment(1.0);
            of(&self.transitions, change.to).increment(1);
            sync::wake(|| self.told.send_if_modified(|told| told.hear(change)));
        }
        sync::wake(|| self.changed.notify_waiters());
        for change in changes {
            self.tell_event(change);
        }
    }

    fn tell_event(&self, change: Change) {
        let scope = self.calls.scope();
        let epoch = change.epoch.number();
        let what = match change.to {
            State::Closed => "circuit closed",
            State::Open => "circuit opened",
            State::HalfOpen => "circuit half open",
            State::ForcedOpen => "circuit forced open",
            State::Disabled => "circuit disabled",
        };
        let Some(opened) = change.opened else {
            return event(scope, what, format_args!("epoch {epoch}"));
        };
        let cause = opened.cause;
        match opened.time {
            Some(time) => event(
                scope,
                what,
                format_args!("epoch {epoch}: {cause}, for {time:?}"),
            ),
            None => event(
                scope,
                what,
                format_args!("epoch {epoch}: {cause}, until it is told otherwise"),
            ),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        of(&self.states, self.state()).decrement(1.0);
    }
}

/// The one of `all`, in the order of [`State::ALL`], that belongs to `state`.
const fn of<T>(all: &[T; State::ALL.len()], state: State) -> &T {
    let [closed, open, half_open, forced_open, disabled] = all;
    match state {
        State::Closed => closed,
        State::Open => open,
        State::HalfOpen => half_open,
        State::ForcedOpen => forced_open,
        State::Disabled => disabled,
    }
}
