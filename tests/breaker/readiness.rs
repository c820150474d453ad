//! What a breaker asks of the service behind it, and what it holds of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use futures::FutureExt as _;
use mainstay::breaker::{BreakerLayer, State};
use tower::limit::ConcurrencyLimit;

use super::*;

/// Never ready, and counts how often it was asked.
#[derive(Clone, Debug, Default)]
struct NeverReady {
    asked: Arc<AtomicU32>,
}

impl Service<Do> for NeverReady {
    type Response = ();
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Poll::Pending
    }

    fn call(&mut self, _: Do) -> Answer {
        panic!("called without being ready")
    }
}

type Limited = Breaker<ConcurrencyLimit<Upstream>>;

/// Over a service that one call at a time may use.
fn limited() -> (Limited, BreakerHandle) {
    let layer = BreakerLayer::new("upstream", config()).unwrap();
    let inner = ConcurrencyLimit::new(Upstream, 1);
    (layer.layer(inner), layer.handle())
}

/// The permit of the service is free: a call on another clone gets it at once.
fn assert_free(service: &Limited) {
    let answer = service.clone().oneshot(Do::Ok).now_or_never();
    assert!(answer.expect("nobody holds the permit").is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_does_not_ask_the_service_for_readiness() {
    let layer = BreakerLayer::new("upstream", config()).unwrap();
    let inner = NeverReady::default();
    let mut service = layer.layer(inner.clone());
    layer.handle().force_open();
    for _ in 0..3 {
        let ready = service.ready().now_or_never();
        let call = ready.expect("ready to refuse").unwrap().call(Do::Ok);
        let error = call.await.unwrap_err();
        assert_eq!(error.rejection().unwrap().kind(), Kind::CircuitOpen);
    }
    assert_eq!(inner.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_never_asked_is_not_called_although_the_circuit_has_closed() {
    let layer = BreakerLayer::new("upstream", config()).unwrap();
    let mut service = layer.layer(NeverReady::default());
    layer.handle().force_open();
    service.ready().await.unwrap();
    layer.handle().reset();
    let error = service.call(Do::Ok).await.unwrap_err();
    let refusal = error.rejection().unwrap();
    assert_eq!(refusal.kind(), Kind::CircuitOpen);
    assert_eq!(refusal.retry_after(), Some(Duration::ZERO));
    assert!(
        service.ready().now_or_never().is_none(),
        "asks the service again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_what_was_left_when_the_instance_was_ready_to_refuse() {
    let (mut service, handle) = breaker(config());
    let mut after = async |first: &dyn Fn(), wait: Duration, then: &dyn Fn()| {
        first();
        service.ready().await.unwrap();
        advance(wait).await;
        then();
        let error = service.call(Do::Ok).await.unwrap_err();
        error.rejection().unwrap().retry_after()
    };
    let open = || handle.open_for(5 * SECOND);
    let nothing = || {};
    assert_eq!(
        after(&open, Duration::ZERO, &nothing).await,
        Some(5 * SECOND)
    );
    // What was said to be left, and neither nothing nor less than that.
    assert_eq!(after(&open, 2 * SECOND, &nothing).await, Some(5 * SECOND));
    assert_eq!(after(&open, 7 * SECOND, &nothing).await, Some(5 * SECOND));
    // Another open time has nothing to do with the clock of then.
    let longer = || handle.open_for(8 * SECOND);
    assert_eq!(after(&open, 3600 * SECOND, &longer).await, Some(8 * SECOND));
    // The clock was not read for a circuit that is open until someone says otherwise.
    let force = || handle.force_open();
    assert_eq!(after(&force, 2 * SECOND, &nothing).await, None);
    assert_eq!(after(&force, 2 * SECOND, &open).await, Some(5 * SECOND));
    // Nor is what it read of use when the circuit has become another.
    assert_eq!(after(&open, 2 * SECOND, &force).await, None);
    let reset = || handle.reset();
    assert_eq!(after(&open, 2 * SECOND, &reset).await, Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_used_for_every_call_notices_the_end_of_the_open_time() {
    let (mut service, handle) = breaker(config());
    for _ in 0..20 {
        let _ = service.ready().await.unwrap().call(Do::Fail).await;
    }
    assert!(service.ready().await.unwrap().call(Do::Ok).await.is_err());
    advance(5 * SECOND).await;
    for _ in 0..3 {
        assert!(service.ready().await.unwrap().call(Do::Ok).await.is_ok());
    }
    assert_eq!(handle.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_refused_after_all_gives_the_readiness_back() {
    let (service, handle) = limited();
    let mut idle = service.clone();
    idle.ready().await.unwrap();
    handle.force_open();
    assert!(idle.call(Do::Ok).await.is_err());
    handle.reset();
    assert_free(&service);
    drop(idle);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_finds_the_circuit_open_gives_the_readiness_back() {
    let (service, handle) = limited();
    let mut idle = service.clone();
    idle.ready().await.unwrap();
    handle.force_open();
    idle.ready().await.unwrap();
    handle.reset();
    assert_free(&service);
    drop(idle);
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_the_service_is_told_when_the_circuit_opens_and_leaves_the_queue() {
    let (service, handle) = limited();
    let busy = tokio::spawn(service.clone().oneshot(Do::Hang));
    tokio::task::yield_now().await;
    let mut idle = service.clone();
    let waiting = tokio::spawn(async move {
        idle.ready().await.unwrap();
        idle
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    handle.force_open();
    let idle = waiting.await.unwrap();
    busy.abort();
    assert!(busy.await.unwrap_err().is_cancelled());
    handle.reset();
    assert_free(&service);
    drop(idle);
}

#[tokio::test(start_paused = true)]
async fn more_callers_than_probes_may_get_ready_and_the_rest_is_refused_and_holds_nothing() {
    let layer = BreakerLayer::new("upstream", config().probes(1).probe_successes(1)).unwrap();
    let service = layer.layer(ConcurrencyLimit::new(Upstream, 3));
    layer.handle().open_for(SECOND);
    advance(SECOND).await;
    let mut callers = [(); 3].map(|()| service.clone());
    for caller in &mut callers {
        caller.ready().await.unwrap();
    }
    let [first, second, third] = &mut callers;
    let probe = first.call(Do::Hang);
    for refused in [second, third] {
        let error = refused.call(Do::Ok).await.unwrap_err();
        assert_eq!(error.rejection().unwrap().kind(), Kind::CircuitOpen);
    }
    drop(probe);
    layer.handle().reset();
    let free = [(); 3].map(|()| service.clone().oneshot(Do::Hang));
    let mut free = free.map(Box::pin);
    for call in &mut free {
        assert!(call.as_mut().now_or_never().is_none());
    }
    assert!(
        service.clone().ready().now_or_never().is_none(),
        "all three permits are in use"
    );
    drop(callers);
}

#[tokio::test(start_paused = true)]
async fn responses_and_errors_pass_untouched() {
    let (service, _) = breaker(config());
    assert!(call(&service, Do::Ok).await.is_ok());
    let error = call(&service, Do::Fail).await.unwrap_err();
    assert_eq!(error.to_string(), "failed");
    assert!(error.rejection().is_none());
}
