//! Who comes in.

use std::error::Error as _;

use futures::FutureExt;
use http::{Request, Response};
use mainstay::coordination::{
    Bearer, FencingGate, FencingLayer, FencingToken, MalformedToken, OnMissing, Permit, Stale,
};
use mainstay::test_util::{Probe, Token};
use mainstay::{Executed, Kind, error};
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::kit::{call, kind, ledger, of_term, refusal, resource, saying, token};

#[tokio::test]
async fn the_present_term_and_a_later_one_come_in_and_a_stale_one_is_told_how_high() {
    let gate = FencingGate::in_memory(Some(token(5)));
    let (service, watch) = resource(ledger(&gate));
    for number in [5, 5, 6, u64::MAX] {
        assert!(call(&service, of_term(number)).await.is_ok(), "{number}");
    }
    assert_eq!(watch.calls(), 4);
    for number in [1, 6, u64::MAX - 1] {
        let refusal = refusal(call(&service, of_term(number)).await);
        assert_eq!(refusal.kind(), Kind::StaleToken);
        assert_eq!(
            (refusal.executed(), refusal.layer()),
            (Executed::No, "ledger")
        );
        let stale: &Stale = refusal.source().unwrap().downcast_ref().unwrap();
        assert_eq!(
            (stale.token(), stale.high()),
            (token(number), token(u64::MAX))
        );
    }
    assert_eq!(watch.calls(), 4, "the service has not seen them");
    assert_eq!(gate.snapshot().in_flight(), 0);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_does_not_move_the_floor() {
    let gate = FencingGate::in_memory(None);
    for on_missing in [OnMissing::Refuse, OnMissing::Pass] {
        let (service, watch) = resource(ledger(&gate).on_missing(on_missing));
        for odd in [
            "",
            "0",
            "07",
            "+7",
            "-7",
            "7,7",
            "7 7",
            "0x7",
            "99999999999999999999",
        ] {
            let refusal = refusal(call(&service, saying([odd])).await);
            assert_eq!(refusal.kind(), Kind::TokenMalformed, "{odd:?}");
            assert_eq!(refusal.executed(), Executed::No);
        }
        for twice in [saying(["7", "7"]), saying(["7", ""]), saying(["x", "7"])] {
            assert_eq!(kind(call(&service, twice).await), Kind::TokenMalformed);
        }
        assert_eq!(watch.calls(), 0);
    }
    assert_eq!(gate.snapshot().high(), None);
}

#[tokio::test]
async fn a_request_without_a_token_is_refused_unless_it_is_to_pass_and_then_no_gate_holds_it() {
    let gate = FencingGate::in_memory(Some(token(5)));
    let (strict, watch) = resource(ledger(&gate));
    let refused = refusal(call(&strict, saying([])).await);
    assert_eq!(
        (refused.kind(), refused.executed()),
        (Kind::TokenMissing, Executed::No)
    );
    assert_eq!(watch.calls(), 0);

    let (lax, watch) = resource(ledger(&gate).on_missing(OnMissing::Pass));
    watch.otherwise(mainstay::test_util::Act::hang());
    let mut passed = Box::pin(call(&lax, saying([])));
    assert!(passed.as_mut().now_or_never().is_none());
    assert_eq!(watch.calls(), 1);
    assert_eq!(gate.snapshot().in_flight(), 0);
    assert!(gate.seal(token(9)).now_or_never().unwrap().is_ok());
    assert_eq!(kind(call(&lax, of_term(5)).await), Kind::StaleToken);
}

#[tokio::test]
async fn a_closure_finds_the_token_of_any_request() {
    let gate = FencingGate::in_memory(None);
    let probe = Probe::new();
    let watch = probe.watch();
    let by_id = |request: &Token| Ok::<_, MalformedToken>(FencingToken::from_number(request.id()));
    let service = ServiceBuilder::new()
        .layer(FencingLayer::new("ledger", gate.clone()).bearer(by_id))
        .layer(error::layer())
        .service(probe);
    let (first, second) = (watch.request(), watch.request());
    assert!(service.clone().oneshot(second).await.is_ok());
    assert_eq!(kind(service.oneshot(first).await), Kind::StaleToken);
    assert_eq!(gate.snapshot().high(), Some(token(2)));
}

/// What the handler finds of the permit, or else of its absence.
async fn term(request: Request<()>) -> Result<Response<Option<FencingToken>>, BoxError> {
    let permit = request.extensions().get::<Permit>();
    Ok(Response::new(permit.map(Permit::token)))
}

#[tokio::test]
async fn the_handler_finds_the_permit_of_its_own_gate_and_of_no_other() {
    let (outer, inner) = (FencingGate::in_memory(None), FencingGate::in_memory(None));
    let service = ServiceBuilder::new()
        .layer(ledger(&outer).on_missing(OnMissing::Pass))
        .service_fn(term);
    let found = |request| async { service.clone().oneshot(request).await.unwrap().into_body() };
    assert_eq!(found(of_term(7)).await, Some(token(7)));
    assert_eq!(found(saying([])).await, None);

    // It was let in elsewhere, and comes here without a token.
    let mut forwarded = saying([]);
    let elsewhere = inner.try_enter(token(3)).unwrap();
    forwarded.extensions_mut().insert(elsewhere);
    assert_eq!(found(forwarded).await, None);
    assert_eq!(inner.snapshot().in_flight(), 0, "it is not kept either");
}

#[tokio::test]
async fn two_gates_of_two_resources_know_nothing_of_each_other() {
    let (first, second) = (FencingGate::in_memory(None), FencingGate::in_memory(None));
    let (accounts, _) = resource(ledger(&first));
    let (orders, _) = resource(ledger(&second));
    assert!(call(&accounts, of_term(9)).await.is_ok());
    assert!(call(&orders, of_term(1)).await.is_ok());
}

#[test]
fn a_bearer_of_ones_own_may_leave_what_it_likes_with_the_request() {
    #[derive(Clone)]
    struct Path;
    impl Bearer<Request<()>> for Path {
        fn token(&self, request: &Request<()>) -> Result<Option<FencingToken>, MalformedToken> {
            request
                .uri()
                .path()
                .trim_start_matches('/')
                .parse()
                .map(Some)
        }

        fn let_in(&self, request: &mut Request<()>, permit: Option<&Permit>) {
            request.extensions_mut().insert(permit.map(Permit::token));
        }
    }
    let service = ServiceBuilder::new()
        .layer(FencingLayer::new("ledger", FencingGate::in_memory(None)).bearer(Path))
        .service_fn(|request: Request<()>| async move {
            Ok::<_, BoxError>(request.extensions().get::<Option<FencingToken>>().copied())
        });
    let request = Request::get("/12").body(()).unwrap();
    let left = service.oneshot(request).now_or_never().unwrap().unwrap();
    assert_eq!(left, Some(Some(token(12))));
}
