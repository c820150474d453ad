//! When a new term comes in.

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use http::Request;
use mainstay::context::{Ambient, CallContext};
use mainstay::coordination::{
    EphemeralTokenStore, FencingGate, FencingLayer, Permit, StoreError, TokenRecord,
};
use mainstay::test_util::{Act, Readiness, Stepper};
use mainstay::{Deadline, Executed, Kind};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

use crate::kit::{Ordered, call, kind, ledger, of_term, refusal, resource, token};

#[tokio::test(start_paused = true)]
async fn the_first_request_of_a_term_runs_when_nothing_older_does() {
    let gate = FencingGate::in_memory(None);
    let (service, watch) = resource(ledger(&gate));
    watch.play([Act::hang(), Act::answer()]);
    let mut old = Stepper::new(call(&service, of_term(1)));
    assert!(old.step().is_pending());
    let mut new = Stepper::new(call(&service, of_term(2)));
    assert!(new.step().is_pending());
    assert_eq!(watch.calls(), 1, "the new one is not inside");
    assert_eq!(gate.snapshot().waiting(), 1);
    assert_eq!(kind(call(&service, of_term(1)).await), Kind::StaleToken);
    watch.release();
    assert!(old.step().is_ready());
    assert!(new.was_woken());
    assert!(new.step().is_ready());
    assert_eq!((watch.calls(), watch.running_max()), (2, 1));
    assert_eq!(gate.snapshot().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_polls_raises_no_floor() {
    let gate = FencingGate::in_memory(None);
    let (mut service, watch) = resource(ledger(&gate));
    watch.play([Act::hang()]);
    let mut old = Stepper::new(call(&service, of_term(1)));
    assert!(old.step().is_pending());
    let unpolled = service.ready().await.unwrap().call(of_term(2));
    assert_eq!(gate.snapshot().high(), Some(token(1)));
    drop(unpolled);
    assert!(call(&service, of_term(1)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn beside_older_a_new_term_does_not_wait_and_the_old_one_is_shut_out() {
    let gate = FencingGate::in_memory(None);
    let (service, watch) = resource(ledger(&gate).beside_older());
    watch.play([Act::hang(), Act::answer()]);
    let mut old = Stepper::new(call(&service, of_term(1)));
    assert!(old.step().is_pending());
    let mut new = Stepper::new(call(&service, of_term(2)));
    assert!(new.step().is_ready());
    assert_eq!(kind(call(&service, of_term(1)).await), Kind::StaleToken);
    watch.release();
    assert!(old.step().is_ready(), "what is inside goes on");
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_and_is_overtaken_is_stale_and_its_service_has_not_seen_it() {
    let gate = FencingGate::in_memory(None);
    let (service, watch) = resource(ledger(&gate));
    watch.play([Act::hang()]);
    let mut old = Stepper::new(call(&service, of_term(1)));
    assert!(old.step().is_pending());
    let mut second = Stepper::new(call(&service, of_term(2)));
    assert!(second.step().is_pending());
    let mut third = Stepper::new(call(&service, of_term(3)));
    assert!(third.step().is_pending());
    assert!(second.was_woken());
    let Poll::Ready(answer) = second.step() else {
        panic!("it is overtaken");
    };
    let refused = refusal(answer);
    assert_eq!(
        (refused.kind(), refused.executed()),
        (Kind::StaleToken, Executed::No)
    );
    assert_eq!(watch.calls(), 1);
    watch.release();
    assert!(old.step().is_ready());
    assert!(third.step().is_ready());
}

#[tokio::test]
async fn nothing_of_a_term_runs_before_it_is_recorded() {
    let (gate, orders) = Ordered::gate();
    let (service, watch) = resource(ledger(&gate));
    let calls: Vec<_> = (0..10)
        .map(|_| tokio::spawn(call(&service, of_term(4))))
        .collect();
    while gate.snapshot().waiting() < 10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(watch.calls(), 0);
    orders.send(true).unwrap();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(watch.calls(), 10);
    let at_once = futures::FutureExt::now_or_never(call(&service, of_term(4)));
    assert!(at_once.unwrap().is_ok(), "the term is recorded");
}

#[tokio::test]
async fn a_store_that_fails_is_a_refusal_with_its_error_and_the_next_may_try_again() {
    let (gate, orders) = Ordered::gate();
    let (service, watch) = resource(ledger(&gate));
    orders.send(false).unwrap();
    let refused = refusal(call(&service, of_term(4)).await);
    assert_eq!(
        (refused.kind(), refused.executed(), refused.layer()),
        (Kind::TermUnrecorded, Executed::No, "ledger")
    );
    let source = refused.source().unwrap().downcast_ref::<StoreError>();
    assert!(matches!(source, Some(StoreError::Failed)));
    assert_eq!(watch.calls(), 0);
    orders.send(true).unwrap();
    assert!(call(&service, of_term(4)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_instance_that_was_ready_is_the_one_that_is_called_after_the_wait() {
    let gate = FencingGate::in_memory(None);
    let (mut service, watch) = resource(ledger(&gate));
    watch.play([Act::hang()]);
    let mut old = Stepper::new(call(&service, of_term(1)));
    assert!(old.step().is_pending());
    let mut waiting = Stepper::new(service.ready().await.unwrap().call(of_term(2)));
    assert!(waiting.step().is_pending());
    // What is left in the place of the instance that waits has to be made ready anew.
    watch.readiness(Readiness::Pending);
    let mut again = Stepper::new(service.ready());
    assert!(again.step().is_pending());
    drop(again);
    drop(old);
    assert!(waiting.step().is_ready(), "it was ready before");
    assert_eq!(watch.violations(), [""; 0]);
}

/// A call that waits is made later, perhaps where nothing is said of its deadline.
#[tokio::test(start_paused = true)]
async fn a_call_that_waited_is_made_under_the_deadline_of_its_caller() {
    let gate = FencingGate::in_memory(None);
    let old = gate.try_enter(token(1)).unwrap();
    let seen = Arc::new(Mutex::new(None));
    let mut service = ServiceBuilder::new().layer(ledger(&gate)).service_fn({
        let seen = Arc::clone(&seen);
        move |request: Request<()>| {
            *seen.lock().unwrap() = Ambient.deadline(&request);
            let term = request.extensions().get::<Permit>().map(Permit::token);
            std::future::ready(Ok::<_, BoxError>(term))
        }
    });
    let deadline = Deadline::within(Duration::from_secs(1));
    let call = deadline.scope(async { Stepper::new(service.call(of_term(2))) });
    let mut call = call.await;
    assert!(call.step().is_pending());
    drop(old);
    assert!(matches!(call.step(), Poll::Ready(Ok(Some(term))) if term == token(2)));
    assert_eq!(*seen.lock().unwrap(), Some(deadline));
    assert_eq!(Deadline::current(), None);
}

#[tokio::test]
async fn a_durable_gate_shuts_out_after_a_restart_what_it_shut_out_before() {
    let record = TokenRecord {
        token: token(6),
        owner: None,
    };
    let gate = FencingGate::durable(EphemeralTokenStore::seeded("ledger", record));
    let (service, _) = resource(FencingLayer::new("ledger", gate));
    assert_eq!(kind(call(&service, of_term(5)).await), Kind::StaleToken);
    assert!(call(&service, of_term(6)).await.is_ok());
}
