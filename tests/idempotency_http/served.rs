//! A server of axum with the layer, as its clients see it.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures::StreamExt as _;
use http::Request;
use mainstay::http::{KeyHeader, RespondLayer};
use mainstay::idempotency::{Duplicates, IdempotencyConfig, IdempotencyLayer};
use mainstay::{Deadline, Kind, error};
use tower::ServiceBuilder;

use super::app::{Ran, SECOND, app, ask, keyed, layer, problem, routes, store};

#[tokio::test(start_paused = true)]
async fn a_repeat_gets_the_same_bytes_and_the_mark_and_the_handler_runs_once() {
    // Faults 2, 29 and 31.
    let ran = Ran::default();
    let app = app(&ran, |layer| layer);
    let first = ask(&app, keyed("/charges", "k", "12")).await;
    assert_eq!(
        (first.status, &*first.body),
        (201, &b"charge 1 of 2, attempt 1"[..])
    );
    assert_eq!(
        (first.is_replay(), &first.headers["set-cookie"]),
        (false, &"a=1".parse().unwrap())
    );
    for key in ["k", "\"k\""] {
        let second = ask(&app, keyed("/charges", key, "12")).await;
        assert_eq!((second.status, &second.body), (201, &first.body));
        assert!(second.is_replay());
        assert_eq!(second.headers["location"], "/charges/1");
        assert_eq!(
            second.headers["content-length"],
            first.headers["content-length"]
        );
        assert_eq!(
            second.headers["content-type"],
            first.headers["content-type"]
        );
        for gone in ["set-cookie", "x-request-id"] {
            assert!(!second.headers.contains_key(gone), "{gone}");
        }
    }
    let other = ask(&app, keyed("/charges", "K", "12")).await;
    assert_eq!(
        (&*other.body, ran.times()),
        (&b"charge 2 of 2, attempt 1"[..], 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_in_flight_is_told_when_to_come_back() {
    // Fault 1.
    let ran = Ran::default();
    let app = app(&ran, |layer| layer);
    let first = tokio::spawn({
        let app = app.clone();
        async move { ask(&app, keyed("/slow", "k", "")).await }
    });
    tokio::time::sleep(SECOND).await;
    let second = ask(&app, keyed("/slow", "k", "")).await;
    let (status, kind, is_safe, after) = second.problem();
    assert_eq!((status, &*kind, is_safe), (409, "in_flight", Some(false)));
    assert!((1..=30).contains(&after.unwrap()), "{after:?}");
    assert_eq!(first.await.unwrap().body, "slow 1");
    let third = ask(&app, keyed("/slow", "k", "")).await;
    assert_eq!(
        (third.is_replay(), &*third.body, ran.times()),
        (true, &b"slow 1"[..], 1)
    );
}

#[tokio::test(start_paused = true)]
async fn another_payload_is_refused_in_flight_and_after_and_does_not_wait() {
    // Faults 5 and 6.
    for duplicates in [Duplicates::Refuse, Duplicates::Wait { max: 60 * SECOND }] {
        let ran = Ran::default();
        let config = IdempotencyConfig::default().duplicates(duplicates);
        let app = app(&ran, |_| {
            IdempotencyLayer::http("payments", config, store()).unwrap()
        });
        let first = tokio::spawn({
            let app = app.clone();
            async move { ask(&app, keyed("/slow", "k", "1")).await }
        });
        tokio::time::sleep(SECOND).await;
        let started = tokio::time::Instant::now();
        let reused = problem(422, Kind::KeyReused, Some(false), None);
        assert_eq!(ask(&app, keyed("/slow", "k", "2")).await.problem(), reused);
        assert_eq!(
            ask(&app, keyed("/charges", "k", "1")).await.problem(),
            reused
        );
        assert_eq!(started.elapsed(), Duration::ZERO);
        first.await.unwrap();
        assert_eq!(ask(&app, keyed("/slow", "k", "2")).await.problem(), reused);
        assert_eq!(ran.times(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_missing_or_malformed_is_a_400_and_the_handler_does_not_run() {
    // Fault 29.
    let ran = Ran::default();
    let app = app(&ran, |layer| layer.prepare(KeyHeader::new().required()));
    let bare = Request::post("/charges").body(Body::empty()).unwrap();
    let missing = problem(400, Kind::KeyMissing, Some(true), None);
    assert_eq!(ask(&app, bare).await.problem(), missing);
    let long = "k".repeat(256);
    for key in ["", "\"k", "a,b", "a b", &long] {
        let malformed = problem(400, Kind::KeyMalformed, Some(true), None);
        assert_eq!(
            ask(&app, keyed("/charges", key, "")).await.problem(),
            malformed,
            "{key}"
        );
    }
    let mut twice = keyed("/charges", "k", "");
    twice
        .headers_mut()
        .append("idempotency-key", "k".parse().unwrap());
    assert_eq!(ask(&app, twice).await.status, 400);
    assert_eq!(ran.times(), 0);
    assert_eq!(
        ask(&app, keyed("/charges", &"k".repeat(255), ""))
            .await
            .status,
        201
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_key_and_by_other_methods_requests_pass() {
    // Fault 30.
    let ran = Ran::default();
    let counter = ran.clone();
    let handler = move || async move { counter.once().to_string() };
    let routes = Router::new().route("/", axum::routing::get(handler.clone()).post(handler));
    let stack = ServiceBuilder::new()
        .layer(RespondLayer::new())
        .layer(layer().single_tenant())
        .layer(error::layer());
    let app = routes.layer(stack);
    for number in ["1", "2"] {
        let request = Request::get("/").header("idempotency-key", "k");
        let seen = ask(&app, request.body(Body::empty()).unwrap()).await;
        assert_eq!((&*seen.body, seen.is_replay()), (number.as_bytes(), false));
    }
    for number in ["3", "4"] {
        let request = Request::post("/").body(Body::empty()).unwrap();
        assert_eq!(ask(&app, request).await.body, number);
    }
}

#[tokio::test(start_paused = true)]
async fn a_scope_parts_its_tenants_and_none_is_refused() {
    // Fault 28.
    let ran = Ran::default();
    let tenant = |request: &Request<Body>| request.headers().get("x-tenant").cloned();
    let stack = ServiceBuilder::new()
        .layer(RespondLayer::new().type_base("https://errors.example/"))
        .layer(layer().scope(tenant))
        .layer(error::layer());
    let app = routes(&ran).layer(stack);
    let of = |tenant: &str, key| {
        let mut request = keyed("/charges", key, "");
        request
            .headers_mut()
            .append("x-tenant", tenant.parse().unwrap());
        request
    };
    let bodies = [("a", "bc"), ("ab", "c"), ("b", "bc"), ("a", "bc")];
    let mut answers = Vec::new();
    for (tenant, key) in bodies {
        answers.push(ask(&app, of(tenant, key)).await);
    }
    assert_eq!(answers[3].body, answers[0].body);
    assert!(answers[3].is_replay() && !answers[2].is_replay());
    let nobody = ask(&app, keyed("/charges", "bc", "")).await;
    assert_eq!(
        nobody.problem(),
        problem(400, Kind::ScopeMissing, Some(false), None),
        "it may have run when they were somebody yet"
    );
    assert_eq!(ran.times(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_cap_is_a_413_and_claims_nothing() {
    // Fault 24.
    let ran = Ran::default();
    let app = app(&ran, |layer| layer.prepare(KeyHeader::new().body_max(3)));
    let large = problem(413, Kind::BodyTooLarge, None, None);
    assert_eq!(
        ask(&app, keyed("/charges", "k", "1234")).await.problem(),
        large
    );
    let failing = futures::stream::iter([Ok("1"), Err(std::io::Error::other("reset"))]);
    let mut broken = keyed("/charges", "k", "");
    *broken.body_mut() = Body::from_stream(failing);
    let failed = problem(400, Kind::BodyFailed, None, None);
    assert_eq!(ask(&app, broken).await.problem(), failed);
    assert_eq!(ran.times(), 0);
    let fits = ask(&app, keyed("/charges", "k", "123")).await;
    assert_eq!(
        (fits.status, fits.is_replay()),
        (201, false),
        "nothing stood in its way"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_read_until_the_deadline_and_claims_nothing() {
    // Fault 24.
    let ran = Ran::default();
    let app = app(&ran, |layer| layer);
    let mut endless = keyed("/charges", "k", "");
    let first = futures::stream::iter([Ok::<_, std::io::Error>("1")]);
    *endless.body_mut() = Body::from_stream(first.chain(futures::stream::pending()));
    endless.extensions_mut().insert(Deadline::within(SECOND));
    let started = tokio::time::Instant::now();
    let late = ask(&app, endless);
    let late = tokio::time::timeout(60 * SECOND, late).await;
    let late = late.expect("the deadline ends it");
    assert_eq!((late.status, started.elapsed()), (504, SECOND));
    assert_eq!(ran.times(), 0);
    let free = ask(&app, keyed("/charges", "k", "1")).await;
    assert_eq!((free.status, free.is_replay()), (201, false));
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_kept_goes_out_whole_and_is_not_run_again() {
    // Faults 21 and 22.
    let ran = Ran::default();
    let app = app(&ran, |layer| layer);
    let gone = problem(409, Kind::ResultUnavailable, Some(false), None);
    let long = ask(&app, keyed("/long", "k", "")).await;
    assert_eq!((long.status, long.body.len()), (200, 1024 * 1024 + 1));
    assert_eq!(ask(&app, keyed("/long", "k", "")).await.problem(), gone);
    let events = ask(&app, keyed("/events", "e", "")).await;
    assert_eq!(&*events.body, b"data: tick\n\n");
    assert_eq!(ask(&app, keyed("/events", "e", "")).await.problem(), gone);
    assert_eq!(ran.times(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_done_runs_again_and_so_does_what_the_handler_says() {
    // Faults 25 and 27.
    let ran = Ran::default();
    let app = app(&ran, |layer| layer);
    for number in 1..=2 {
        assert_eq!(ask(&app, keyed("/busy", "k", "")).await.status, 503);
        assert_eq!(ran.times(), number);
    }
    for number in ["3", "4"] {
        assert_eq!(ask(&app, keyed("/said", "s", "")).await.body, number);
    }
}
