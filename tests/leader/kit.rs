//! A seat, a request with fields, and a probe below the layer.

use std::any::Any;
use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, Mutex};

use mainstay::context::{Carrier, Field};
use mainstay::coordination::{
    Clock, FencingToken, LeaderConfig, LeaderLayer, ManualClock, ManualSeat, NodeId, NotLeader,
    Term, Timing, TimingConfig, TokioClock,
};
use mainstay::test_util::{Failed, Probe, Token, Watch};
use mainstay::{Error, Executed, Kind, Rejection, error};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use super::MS;

/// What a service was called with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note {
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) token: Option<FencingToken>,
    pub(crate) term: Option<Term>,
    /// Counted by the probe while it is alive.
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(crate) request: Option<Token>,
}

impl Note {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    pub(crate) fn field(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(known, _)| known == name);
        named
            .map(|(_, value)| std::str::from_utf8(value).unwrap())
            .collect()
    }
}

impl Carrier for Note {
    fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        let named = move |(name, _): &&(String, Vec<u8>)| name == field.name();
        let fields = self.fields.iter().filter(named);
        fields.map(|(_, value)| &value[..])
    }

    fn set(&mut self, field: Field, value: &[u8]) {
        self.remove(field);
        self.fields.push((field.name().into(), value.to_vec()));
    }

    fn remove(&mut self, field: Field) {
        self.fields.retain(|(name, _)| name != field.name());
    }

    fn attach<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        let value: &dyn Any = &value;
        if let Some(token) = value.downcast_ref() {
            self.token = Some(*token);
        }
        if let Some(term) = value.downcast_ref::<Term>() {
            self.term = Some(term.clone());
        }
    }
}

/// A second, of which the last 100 ms are the margin.
pub(crate) fn timing() -> Timing {
    Timing::new(TimingConfig::default().ttl(1000 * MS).margin(100 * MS)).unwrap()
}

pub(crate) fn token(number: u64) -> FencingToken {
    FencingToken::from_number(number).unwrap()
}

pub(crate) trait Stack:
    Service<Note, Response = Token, Error = Error<Failed>, Future: Send> + Clone + Send
{
}

impl<S> Stack for S where
    S: Service<Note, Response = Token, Error = Error<Failed>, Future: Send> + Clone + Send
{
}

/// A leader's layer over a probe, which keeps what it is called with.
pub(crate) struct Bench<S, T = ManualSeat> {
    pub(crate) seat: T,
    pub(crate) layer: LeaderLayer,
    pub(crate) service: S,
    pub(crate) watch: Watch,
    pub(crate) seen: Arc<Mutex<Vec<Note>>>,
}

/// By tokio's clock.
pub(crate) fn bench() -> Bench<impl Stack> {
    with(TokioClock::new(), LeaderConfig::default())
}

/// By a clock of its own, that no timer goes by.
pub(crate) fn apart(clock: &ManualClock) -> Bench<impl Stack> {
    with(clock.clone(), LeaderConfig::default())
}

pub(crate) fn with(clock: impl Clock, config: LeaderConfig) -> Bench<impl Stack> {
    let seat = ManualSeat::new(timing(), clock);
    let layer = LeaderLayer::new("orders", seat.clone(), config).unwrap();
    over(seat, layer)
}

/// The layer over a probe; `seat` is for those who want it.
pub(crate) fn over<T>(seat: T, layer: LeaderLayer) -> Bench<impl Stack, T> {
    let probe = Probe::<Note>::default();
    let watch = probe.watch();
    let seen = Arc::<Mutex<Vec<Note>>>::default();
    let book = Arc::clone(&seen);
    let inner = ServiceBuilder::new()
        .map_request(move |note: Note| {
            book.lock().unwrap().push(Note {
                request: None,
                ..note.clone()
            });
            note
        })
        .layer(error::layer())
        .service(probe);
    Bench {
        service: layer.layer(inner),
        seat,
        layer,
        watch,
        seen,
    }
}

impl<S: Stack, T> Bench<S, T> {
    /// A request that is counted.
    pub(crate) fn note(&self) -> Note {
        Note {
            request: Some(self.watch.request()),
            ..Note::default()
        }
    }

    pub(crate) fn call(&self) -> impl Future<Output = Result<Token, Error<Failed>>> + use<S, T> {
        let (service, note) = (self.service.clone(), self.note());
        service.oneshot(note)
    }

    /// Calls the service now; it is always ready.
    pub(crate) fn begin(&self) -> S::Future {
        self.service.clone().call(self.note())
    }

    #[track_caller]
    pub(crate) fn assert_nothing_is_left(&self) {
        let alive = self.watch.alive();
        let left = (alive.requests(), alive.futures(), alive.readied());
        assert_eq!(left, (0, 0, 0), "requests, futures, readied");
        assert_eq!(self.watch.violations(), [""; 0]);
    }
}

#[track_caller]
pub(crate) fn refusal<T: fmt::Debug, E: fmt::Debug>(answer: Result<T, Error<E>>) -> Rejection {
    match answer {
        Err(Error::Rejected(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// The kind, whether it ran, and who leads.
#[track_caller]
pub(crate) fn said<T: fmt::Debug, E: fmt::Debug>(
    answer: Result<T, Error<E>>,
) -> (Kind, Executed, Option<NodeId>) {
    let refusal = refusal(answer);
    assert_eq!(refusal.layer(), "orders");
    let source = refusal
        .source()
        .and_then(|source| source.downcast_ref::<NotLeader>())
        .expect("it says who leads");
    (refusal.kind(), refusal.executed(), source.leader())
}

pub(crate) const REFUSED: (Kind, Executed, Option<NodeId>) = (Kind::NotLeader, Executed::No, None);
pub(crate) const CUT_OFF: (Kind, Executed, Option<NodeId>) =
    (Kind::LeadershipLost, Executed::Unknown, None);
