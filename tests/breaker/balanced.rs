//! Not ready instead of ready to refuse, for load balancers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Wake, Waker};

use mainstay::breaker::{BreakerConfig, BreakerLayer, State};
use tokio::time::Instant;

use super::*;

fn balanced(config: BreakerConfig) -> (Guarded, BreakerHandle) {
    let layer = BreakerLayer::new("upstream", config).unwrap();
    let layer = layer.not_ready_while_open();
    (layer.layer(Upstream), layer.handle())
}

fn one_probe() -> BreakerConfig {
    config().probes(1).probe_successes(1)
}

/// Waits until a clone is ready; how long that took.
async fn readiness(service: &Guarded) -> tokio::task::JoinHandle<Duration> {
    let mut service = service.clone();
    let waiting = tokio::spawn(async move {
        let began = Instant::now();
        service.ready().await.unwrap();
        began.elapsed()
    });
    tokio::task::yield_now().await;
    waiting
}

#[derive(Default)]
struct Wakes(AtomicU32);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_again_when_the_open_time_ends() {
    let (service, _handle) = balanced(config());
    calls(&service, 20, Do::Fail).await;
    assert_eq!(readiness(&service).await.await.unwrap(), 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn it_is_woken_once_and_not_before_there_is_a_reason() {
    let (mut service, handle) = balanced(config());
    handle.open_for(5 * SECOND);
    let count = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut cx = Context::from_waker(&waker);
    assert!(service.poll_ready(&mut cx).is_pending());
    advance(4999 * MILLI).await;
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    assert!(service.poll_ready(&mut cx).is_pending());
    advance(2 * MILLI).await;
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert!(service.poll_ready(&mut cx).is_ready());
}

#[tokio::test(start_paused = true)]
async fn the_handle_wakes_it() {
    let (service, handle) = balanced(config());
    handle.force_open();
    let waiting = readiness(&service).await;
    advance(3600 * SECOND).await;
    assert!(!waiting.is_finished());
    handle.reset();
    assert_eq!(waiting.await.unwrap(), 3600 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_gives_its_place_back_wakes_it() {
    let (service, handle) = balanced(one_probe());
    handle.open_for(SECOND);
    advance(SECOND).await;
    let probe = begin(&service, Do::Hang).await;
    let waiting = readiness(&service).await;
    advance(10 * SECOND).await;
    assert!(!waiting.is_finished());
    probe.abort();
    assert_eq!(waiting.await.unwrap(), 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_succeeds_wakes_it() {
    let (service, handle) = balanced(one_probe());
    handle.open_for(SECOND);
    advance(SECOND).await;
    let probe = begin(&service, Do::Take(3 * SECOND)).await;
    assert_eq!(readiness(&service).await.await.unwrap(), 3 * SECOND);
    assert!(probe.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_hung_probe_keeps_it_waiting_for_its_lease_and_the_open_time_after_it() {
    let (service, handle) = balanced(one_probe());
    handle.open_for(SECOND);
    advance(SECOND).await;
    let _hung = begin(&service, Do::Hang).await;
    let waited = readiness(&service).await.await.unwrap();
    assert_eq!(waited, 40 * SECOND);
    assert_eq!(handle.state(), State::Open);
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("of no concern to who gives a probe back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_does_not_reach_the_call_that_gave_its_probe_back() {
    let (service, handle) = balanced(one_probe());
    handle.open_for(SECOND);
    advance(SECOND).await;
    let probe = service.clone().ready().await.unwrap().call(Do::Hang);
    let mut waits = service.clone();
    let waker = Waker::from(Arc::new(Panics));
    let mut cx = Context::from_waker(&waker);
    assert!(waits.poll_ready(&mut cx).is_pending());
    let mut watch = handle.watch();
    let mut changed = Box::pin(watch.changed());
    assert!(changed.as_mut().poll(&mut cx).is_pending());
    drop(probe);
    handle.force_open();
    assert_eq!(handle.state(), State::ForcedOpen);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_refused_if_the_circuit_opens_after_it_was_ready() {
    let (mut service, handle) = balanced(config());
    service.ready().await.unwrap();
    handle.force_open();
    let error = service.call(Do::Ok).await.unwrap_err();
    assert_eq!(error.rejection().unwrap().kind(), Kind::CircuitOpen);
}
