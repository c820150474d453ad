//! What every layer keeps to, clause by clause; prints the matrix.
//!
//! A layer is added as one entry in [`every_layer_keeps_the_contract`]. A clause is one function in
//! `contract/clauses.rs`. A cell is `ok`, `n/a` with a reason, or the test fails. `RespondLayer` is
//! not here: it turns errors into responses, so it keeps to a contract of its own (`http_axum.rs`).

#![cfg(all(feature = "test-util", feature = "metrics", feature = "timeout"))]
#![cfg(all(
    feature = "retry",
    feature = "breaker",
    feature = "bulkhead",
    feature = "coordination",
    feature = "deadline",
    feature = "http",
    feature = "idempotency",
    feature = "trace"
))]

#[path = "contract/clauses.rs"]
mod clauses;
#[path = "contract/counts.rs"]
mod counts;
#[path = "contract/faults.rs"]
mod faults;
#[path = "contract/letter.rs"]
mod letter;
#[path = "contract/matrix.rs"]
mod matrix;
#[path = "contract/message.rs"]
mod message;
#[path = "contract/streamed.rs"]
mod streamed;
#[path = "contract/subject.rs"]
mod subject;

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use mainstay::breaker::{BreakerConfig, BreakerLayer, Settle, Unsettled};
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::context::Carrier as _;
use mainstay::coordination::{
    FencingGate, FencingLayer, FencingToken, LeaderConfig, LeaderLayer, ManualClock, ManualSeat,
    OnMissing, Timing, TimingConfig,
};
use mainstay::deadline::{
    DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer, Expired,
};
use mainstay::http::{ReplayBody, ReplayBodyLayer};
use mainstay::idempotency::{
    ByMessageId, DoneOnly, IdempotencyConfig, IdempotencyKeyLayer, IdempotencyLayer, MemoryStore,
    MemoryStoreConfig,
};
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::test_util::{Probe, Token};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::trace::{NormalizeTraceLayer, TraceClientLayer, TraceServerLayer};
use mainstay::{Outcome, Ratio, error};
use tower::Layer;

use faults::{FAULTS, Faulty};
use letter::Letter;
use matrix::Matrix;
use message::Message;
use subject::{Stack, Subject};

const VALID: &str = "the settings are valid";

fn timeout() -> TimeoutLayer {
    TimeoutLayer::new("contract", TimeoutConfig::default()).expect(VALID)
}

fn retry() -> RetryLayer {
    RetryLayer::new("contract", RetryConfig::default()).expect(VALID)
}

fn breaker() -> BreakerLayer {
    // The clauses make more failures than it would bear.
    let config = BreakerConfig::default().volume_min(10_000);
    BreakerLayer::new("contract", config).expect(VALID)
}

/// With a limit of one, so that a permit that is not given back is missed at once.
fn bulkhead(queue: u32) -> BulkheadLayer {
    let config = BulkheadConfig::default().concurrency(1).queue(queue);
    BulkheadLayer::new("contract", config).expect(VALID)
}

fn deadline_server(config: DeadlineServerConfig) -> DeadlineServerLayer {
    DeadlineServerLayer::new("contract", config).expect(VALID)
}

fn deadline_client(config: DeadlineClientConfig) -> DeadlineClientLayer {
    DeadlineClientLayer::new("contract", config).expect(VALID)
}

/// Each request comes with a field that says how much time is left.
fn deadline_rows(matrix: &mut Matrix) {
    let plain = DeadlineServerConfig::default();
    let share = plain.clone().refusals_max(Ratio::percent(20).expect(VALID));
    let observed = plain.clone().expired(Expired::Observe);
    for (name, value, config) in [
        ("deadline, server", "1H", plain),
        ("server, share", "1H", share),
        ("server, expired", "0n", observed),
    ] {
        let subject = Subject::new(name, |probe| {
            tower::ServiceBuilder::new()
                .map_request(Letter::with("grpc-timeout", value))
                .layer(deadline_server(config.clone()))
                .map_request(Letter::open)
                .layer(error::layer())
                .service(probe)
        });
        matrix.row(&subject.metered("deadline_server"));
    }
    let hour = DeadlineClientConfig::default().max(Duration::from_secs(3600));
    let subject = Subject::new("deadline, client", |probe| {
        tower::ServiceBuilder::new()
            .map_request(Letter::with("x-request-timeout-ms", "1000000"))
            .layer(deadline_client(hour.clone()))
            .map_request(Letter::open)
            .layer(error::layer())
            .service(probe)
    });
    matrix.row(&subject.metered("deadline_client"));
}

/// Takes each call over and settles it as the response goes out.
#[derive(Clone, Copy)]
struct OnReturn;

impl Settle<Token> for OnReturn {
    type Response = Token;

    fn is_settled(&self, _: &Token, _: Outcome) -> bool {
        false
    }

    fn respond(&self, response: Token, call: Option<Unsettled>) -> Token {
        call.expect("it is not settled").settle(Outcome::Success);
        response
    }
}

/// Around requests without a key, which go straight through. A request with one outlives its caller by
/// design, in a task and in the store, so what is asked here of dropped calls does not apply to it.
fn passing<S>(inner: S) -> impl Stack
where
    S: Stack,
{
    let store = MemoryStore::new(MemoryStoreConfig::default()).expect(VALID);
    let keys = ByMessageId::new(|_: &Token| None::<[u8; 0]>);
    let done = DoneOnly::new().response(|| -> Token { unreachable!("it has no key") });
    let config = IdempotencyConfig::default();
    let layer = IdempotencyLayer::new("contract", config, keys, done, store).expect(VALID);
    layer.single_tenant().layer(inner)
}

/// Around requests that are to get no key: a header would have to be allocated.
fn minting(probe: Probe) -> impl Stack {
    let watch = probe.watch();
    tower::ServiceBuilder::new()
        .map_request(|_: Token| Request::new(()))
        .layer(IdempotencyKeyLayer::new("contract").only(|_: &Request<()>| false))
        .map_request(move |_: Request<()>| watch.request())
        .layer(error::layer())
        .service(probe)
}

/// Requests of one term, and requests of none. What waits to come in is in `tests/fencing`.
fn fencing_rows(matrix: &mut Matrix) {
    for (name, field) in [
        ("fencing", "fencing-token"),
        ("fencing, unfenced", "x-other"),
    ] {
        let subject = Subject::new(name, |probe| {
            let gate = FencingGate::in_memory(None);
            tower::ServiceBuilder::new()
                .map_request(Letter::with(field, "7"))
                .layer(FencingLayer::new("contract", gate).on_missing(OnMissing::Pass))
                .map_request(Letter::open)
                .layer(error::layer())
                .service(probe)
        });
        matrix.row(&subject.metered("fencing"));
    }
}

fn idempotency_rows(matrix: &mut Matrix) {
    matrix.row(
        &Subject::new("idempotency, pass", |probe| {
            passing(error::layer().layer(probe))
        })
        .metered("idempotency")
        .readies_in_the_call(),
    );
    matrix.row(&Subject::new("idempotency key", minting));
}

#[test]
fn every_layer_keeps_the_contract() {
    let mut matrix = Matrix::default();

    matrix.row(&Subject::new("error", |probe| error::layer().layer(probe)));
    matrix.row(
        &Subject::new("timeout", |probe| {
            timeout().layer(error::layer().layer(probe))
        })
        .metered("timeout"),
    );
    matrix.row(
        &Subject::new("retry", |probe| retry().layer(error::layer().layer(probe))).metered("retry"),
    );
    matrix.row(
        &Subject::new("breaker", |probe| {
            breaker().layer(error::layer().layer(probe))
        })
        .metered("breaker"),
    );
    matrix.row(
        &Subject::new("breaker, waits", |probe| {
            let layer = breaker().not_ready_while_open();
            layer.layer(error::layer().layer(probe))
        })
        .metered("breaker"),
    );
    matrix.row(
        &Subject::new("breaker, settles", |probe| {
            let layer = breaker().settle(OnReturn);
            layer.layer(error::layer().layer(probe))
        })
        .metered("breaker"),
    );
    for (name, queue) in [("bulkhead", 0), ("bulkhead, queue", 8)] {
        matrix.row(
            &Subject::new(name, |probe| {
                bulkhead(queue).layer(error::layer().layer(probe))
            })
            .metered("bulkhead")
            .readies_in_the_call(),
        );
    }
    matrix.row(&Subject::new("recorded body", |probe| {
        let watch = probe.watch();
        tower::ServiceBuilder::new()
            .map_request(|_: Token| Request::new(Empty::<Bytes>::new()))
            .layer(ReplayBodyLayer::new())
            .map_request(move |_: Request<ReplayBody<Empty<Bytes>>>| watch.request())
            .layer(error::layer())
            .service(probe)
    }));
    matrix.row(&Subject::new("body timeout", streamed::body_timeout).metered("body_timeout"));
    trace_rows(&mut matrix);
    idempotency_rows(&mut matrix);
    fencing_rows(&mut matrix);
    matrix.row(
        &Subject::new("stack of four", |probe| {
            tower::ServiceBuilder::new()
                .layer(bulkhead(0))
                .layer(retry())
                .layer(breaker())
                .layer(timeout())
                .layer(error::layer())
                .service(probe)
        })
        .metered("bulkhead")
        .readies_in_the_call(),
    );

    deadline_rows(&mut matrix);
    leader_row(&mut matrix);

    matrix.print().expect("stdout is open");
    matrix.assert_kept();
}

/// Around requests that a peer has put a token on. What a follower refuses, and what ends with its term,
/// is in `tests/leader`: these clauses want answers.
fn leader_row(matrix: &mut Matrix) {
    let subject = Subject::new("leader", |probe| {
        let timing = Timing::new(TimingConfig::default()).expect(VALID);
        let seat = ManualSeat::new(timing, ManualClock::default());
        seat.lead(FencingToken::from_number(u64::MAX).expect("it is not zero"));
        let layer = LeaderLayer::new("contract", seat, LeaderConfig::default()).expect(VALID);
        tower::ServiceBuilder::new()
            .map_request(Letter::with("fencing-token", "9"))
            .layer(layer)
            .map_request(|letter: Letter| {
                let fields = letter.get_all(FencingToken::FIELD);
                assert!(fields.eq([b"18446744073709551615"]));
                letter.open()
            })
            .layer(error::layer())
            .service(probe)
    });
    matrix.row(&subject.metered("leader").readies_in_the_call());
}

/// Over a request that comes in a trace, so that a call reads and writes one.
fn trace_rows(matrix: &mut Matrix) {
    matrix.row(&Subject::new("trace, server", |probe| {
        tower::ServiceBuilder::new()
            .map_request(Message::new)
            .layer(TraceServerLayer::new("contract"))
            .map_request(|message: Message| message.token(false))
            .layer(error::layer())
            .service(probe)
    }));
    matrix.row(&Subject::new("trace, client", |probe| {
        tower::ServiceBuilder::new()
            .map_request(Message::new)
            .layer(TraceServerLayer::new("contract"))
            .layer(TraceClientLayer::new("contract"))
            .map_request(|message: Message| message.token(true))
            .layer(error::layer())
            .service(probe)
    }));
    matrix.row(&Subject::new("trace, normalize", |probe| {
        tower::ServiceBuilder::new()
            .map_request(Message::new)
            .layer(NormalizeTraceLayer::new("contract"))
            .map_request(|message: Message| message.token(false))
            .layer(error::layer())
            .service(probe)
    }));
}

/// The clauses themselves under test: each finds the layer that breaks it.
#[test]
fn every_fault_is_found_by_its_clause() {
    for (fault, clause) in FAULTS {
        let mut matrix = Matrix::default();
        let subject = Subject::new("faulty", |probe| {
            Faulty::new(error::layer().layer(probe), fault)
        });
        matrix.row(&subject.metered("faulty"));
        let broken = matrix.broken();
        assert!(broken.contains(&clause), "{fault:?} broke only {broken:?}");
        assert!(broken.contains(&"happy path: no alloc"), "{fault:?}");
    }
}

#[test]
fn a_layer_that_reserves_its_inner_service_while_idle_is_found() {
    let mut matrix = Matrix::default();
    let reserving = Subject::new("reserving", |probe| error::layer().layer(probe));
    matrix.row(&reserving.readies_in_the_call());
    assert!(matrix.broken().contains(&"idle reserves no inner"));
}
