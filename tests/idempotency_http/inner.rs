//! What stands below the layer, and beside it: services that refuse, are not ready, and stores that
//! fail.

use std::convert::Infallible;
use std::future::{Pending, pending};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures::future::{BoxFuture, Either};
use http::{Request, Response};
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::http::{KeyHeader, ReadBody, RespondLayer};
use mainstay::idempotency::{
    Claim, Claimed, ClientKey, Fenced, IdempotencyConfig, IdempotencyLayer, OnLapse, Owner,
    Prepare, Scoped, Store, StoreDown, StoreKey, Stored,
};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{Error, Executed, Kind, Rejection, error};
use tower::{Service, ServiceBuilder, ServiceExt as _};

use super::app::{Ran, SECOND, ask, keyed, layer, problem, routes, seen, store};

#[tokio::test(start_paused = true)]
async fn a_refusal_further_in_gives_the_key_back_and_a_timeout_keeps_it() {
    // Fault 25.
    let ran = Ran::default();
    let bulkhead = BulkheadLayer::http("db", BulkheadConfig::default().concurrency(1)).unwrap();
    let limit = TimeoutConfig::default().limit(SECOND);
    let stack = ServiceBuilder::new()
        .layer(RespondLayer::new().type_base("https://errors.example/"))
        .layer(layer().single_tenant())
        .layer(bulkhead)
        .layer(TimeoutLayer::http("db", limit).unwrap())
        .layer(error::layer());
    let app = routes(&ran).layer(stack);
    let slow = tokio::spawn({
        let app = app.clone();
        async move { ask(&app, keyed("/slow", "slow", "")).await.status }
    });
    tokio::time::sleep(SECOND / 2).await;
    assert_eq!(
        ask(&app, keyed("/charges", "k", "")).await.status,
        503,
        "the bulkhead is full"
    );
    assert_eq!(slow.await.unwrap(), 504);
    let free = ask(&app, keyed("/charges", "k", "")).await;
    assert_eq!(
        (free.status, free.is_replay()),
        (201, false),
        "it had not run"
    );

    let again = ask(&app, keyed("/slow", "slow", "")).await;
    assert_eq!(
        again.problem().1,
        Kind::InFlight.label(),
        "until its lease ends"
    );
    tokio::time::sleep(31 * SECOND).await;
    let lapsed = problem(409, Kind::OutcomeUnknown, Some(false), None);
    assert_eq!(
        ask(&app, keyed("/slow", "slow", "")).await.problem(),
        lapsed
    );
    assert_eq!(ran.times(), 2);
}

/// A service that is ready until it is told otherwise.
#[derive(Clone)]
struct Gate(Router, Arc<AtomicU32>);

const READY: u32 = 0;
const PENDING: u32 = 1;
const FAILED: u32 = 2;

impl Service<Request<ReadBody<Body>>> for Gate {
    type Response = Response<Body>;
    type Error = Error<Infallible>;
    type Future = Either<
        Pending<Result<Self::Response, Self::Error>>,
        BoxFuture<'static, Result<Self::Response, Self::Error>>,
    >;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let refusal = || Rejection::new(Kind::CircuitOpen, Executed::No, "db".into());
        match self.1.load(Ordering::SeqCst) {
            READY => Poll::Ready(Ok(())),
            FAILED => Poll::Ready(Err(refusal().into())),
            _ => Poll::Pending,
        }
    }

    fn call(&mut self, request: Request<ReadBody<Body>>) -> Self::Future {
        if self.1.load(Ordering::SeqCst) != READY {
            return Either::Left(pending());
        }
        let call = self.0.clone().oneshot(request.map(Body::new));
        Either::Right(Box::pin(async move {
            call.await.map_err(|never| match never {})
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_run_is_answered_while_the_service_is_not_ready() {
    // Fault 37.
    let (ran, gate) = (Ran::default(), Arc::new(AtomicU32::new(READY)));
    let stack = ServiceBuilder::new()
        .layer(RespondLayer::new())
        .layer(layer().single_tenant());
    let service = stack.service(Gate(routes(&ran), Arc::clone(&gate)));
    let ask = async |key: &str| {
        let response = service
            .clone()
            .oneshot(keyed("/charges", key, ""))
            .await
            .unwrap();
        seen(response.map(Body::new)).await
    };
    let first = ask("k").await;
    for state in [PENDING, FAILED] {
        gate.store(state, Ordering::SeqCst);
        let second = ask("k").await;
        assert_eq!((second.is_replay(), &second.body), (true, &first.body));
    }
    assert_eq!(ask("other").await.status, 503, "readiness failed");
    gate.store(READY, Ordering::SeqCst);
    let after = ask("other").await;
    assert_eq!(
        (after.status, after.is_replay(), ran.times()),
        (201, false, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_version_is_not_run_again() {
    // Fault 35.
    let (ran, store) = (Ran::default(), store());
    let layer = IdempotencyLayer::http("payments", IdempotencyConfig::default(), store.clone());
    let layer = layer.unwrap().single_tenant();
    let key = layer
        .handle()
        .store_key(Scoped::<&[u8]>::Single, ClientKey::of(b"k"))
        .unwrap();
    let rule = KeyHeader::new();
    let (_, fingerprint) = rule.fingerprint(keyed("/charges", "k", "")).await.unwrap();
    let claim = Claim {
        key,
        fingerprint,
        owner: Owner::from_number(1),
        lease: SECOND,
        retention: 60 * SECOND,
        on_lapse: OnLapse::TakeOver,
    };
    store.claim(&claim).await.unwrap();
    store
        .finish(&claim, Stored::Record(Bytes::from_static(b"\x02newer")))
        .await
        .unwrap();

    let stack = ServiceBuilder::new()
        .layer(RespondLayer::new().type_base("https://errors.example/"))
        .layer(layer)
        .layer(error::layer());
    let app = routes(&ran).layer(stack);
    let gone = problem(409, Kind::ResultUnavailable, Some(false), None);
    assert_eq!(ask(&app, keyed("/charges", "k", "")).await.problem(), gone);
    assert_eq!(ran.times(), 0);
}

/// A store that is down.
struct Down;

impl Store for Down {
    type Error = io::Error;

    async fn claim(&self, _: &Claim) -> io::Result<Claimed> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    async fn renew(&self, _: &Claim) -> io::Result<Fenced> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    async fn finish(&self, _: &Claim, _: Stored) -> io::Result<Fenced> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    async fn release(&self, _: &Claim) -> io::Result<Fenced> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    async fn purge(&self, _: &StoreKey) -> io::Result<bool> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_store_nothing_runs_or_it_runs_with_a_mark() {
    // Fault 15.
    for (store_down, ran_once) in [(StoreDown::Refuse, 0), (StoreDown::Run, 1)] {
        let ran = Ran::default();
        let config = IdempotencyConfig::default().store_down(store_down);
        let layer = IdempotencyLayer::http("payments", config, Down).unwrap();
        let stack = ServiceBuilder::new()
            .layer(RespondLayer::new().type_base("https://errors.example/"))
            .layer(layer.single_tenant())
            .layer(error::layer());
        let seen = ask(&routes(&ran).layer(stack), keyed("/said", "k", "")).await;
        assert_eq!(ran.times(), ran_once);
        if ran_once == 0 {
            let down = problem(503, Kind::StoreUnavailable, Some(false), Some(1));
            assert_eq!(seen.problem(), down);
        } else {
            assert_eq!((seen.status, &*seen.body), (200, &b"1"[..]));
            assert_eq!(seen.headers["idempotency-status"], "bypassed");
        }
    }
}
