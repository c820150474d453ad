//! Calls that are given up, and panics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures::FutureExt;
use mainstay::retry::{ConcurrencyBudget, Replay, ResponseFuture, Retry};
use mainstay::{Attempt, Failure, Outcome};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tower::limit::{ConcurrencyLimit, ConcurrencyLimitLayer};
use tower::{Layer, Service, ServiceExt};

use crate::kit::*;

type Limited = ConcurrencyLimit<Server>;

/// A retry over a limit of one, so that what holds the permit shows.
struct Stack {
    server: Server,
    limited: Limited,
    service: Retry<Limited, Meaning>,
    budget: Arc<ConcurrencyBudget>,
    recorder: DebuggingRecorder,
}

fn stack(steps: impl IntoIterator<Item = Step>) -> Stack {
    let server = Server::new(steps);
    let limited = ConcurrencyLimitLayer::new(1).layer(server.handle());
    let budget = Arc::new(ConcurrencyBudget::default());
    let recorder = DebuggingRecorder::new();
    let layer = metrics::with_local_recorder(&recorder, || layer(exact()));
    let layer = layer.budget(Arc::clone(&budget));
    Stack {
        service: layer.layer(limited.clone()),
        server,
        limited,
        budget,
        recorder,
    }
}

impl Stack {
    async fn call(
        &mut self,
    ) -> ResponseFuture<
        Limited,
        Request,
        Meaning,
        mainstay::retry::ByClone,
        mainstay::context::Ambient,
    > {
        let ready = self.service.ready().await.unwrap();
        ready.call(Request::default())
    }

    /// Nothing is left of the call but its count.
    fn check_nothing_is_left(mut self, outcome: &str) {
        assert_eq!(self.server.alive(), 0);
        assert_eq!((self.budget.calls(), self.budget.extras()), (0, 0));
        assert_eq!(Attempt::current(), None);
        let counted: Vec<_> = self
            .recorder
            .snapshotter()
            .snapshot()
            .into_vec()
            .into_iter()
            .filter(|(key, _, _, value)| {
                key.key().name() == "mainstay_calls_total" && *value != DebugValue::Counter(0)
            })
            .map(|(key, _, _, value)| {
                let outcome = key.key().labels().find(|label| label.key() == "outcome");
                (outcome.unwrap().value().to_owned(), value)
            })
            .collect();
        assert_eq!(counted, [(outcome.to_owned(), DebugValue::Counter(1))]);
        drop(self.service);
        let ready = self.limited.ready().now_or_never();
        assert!(ready.is_some(), "the permit is back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_polled_leaves_nothing() {
    let mut stack = stack([OK]);
    drop(stack.call().await);
    stack.check_nothing_is_left("cancelled");
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_during_an_attempt_leaves_nothing() {
    for steps in [vec![Step::Hang], vec![fail(), Step::Hang]] {
        let mut stack = stack(steps);
        let call = stack.call().await;
        assert!(tokio::time::timeout(SECOND, call).await.is_err());
        stack.check_nothing_is_left("cancelled");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_during_a_wait_leaves_nothing() {
    for step in [fail(), answer(Failure::transient())] {
        let mut stack = stack([step]);
        let call = stack.call().await;
        assert!(tokio::time::timeout(20 * MS, call).await.is_err());
        assert_eq!(stack.server.calls(), 1);
        stack.check_nothing_is_left("cancelled");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_the_service_is_not_ready_leaves_nothing() {
    let mut stack = stack([fail(), OK]);
    let call = stack.call().await;
    let mut rival = stack.limited.clone();
    let call = tokio::spawn(tokio::time::timeout(80 * MS, call));
    tokio::time::sleep(10 * MS).await;
    rival.ready().await.unwrap(); // holds the permit until it is dropped
    assert!(call.await.unwrap().is_err());
    drop(rival);
    stack.check_nothing_is_left("cancelled");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_leaves_nothing_before_its_future_is_dropped() {
    for (steps, outcome) in [(vec![fail(), OK], "ok"), (vec![fail()], "error")] {
        let mut stack = stack(steps);
        let mut call = Box::pin(stack.call().await);
        drop(call.as_mut().await);
        assert_eq!((stack.budget.calls(), stack.budget.extras()), (0, 0));
        drop(call);
        stack.check_nothing_is_left(outcome);
    }
}

/// Copies that are whole when the attempt has failed, and not any more once the service is ready again.
#[derive(Clone, Default)]
struct Spoiling(Arc<AtomicBool>);

impl Replay<Request> for Spoiling {
    fn copy(&self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }

    fn is_safe(&self, _request: &Request) -> bool {
        true
    }

    fn is_intact(&self, _copy: &Request) -> bool {
        !self.0.swap(true, Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_made_ready_for_an_attempt_that_is_not_sent_is_free_at_once() {
    let server = Server::failing();
    let mut limited = ConcurrencyLimitLayer::new(1).layer(server.handle());
    let layer = layer(exact()).replay(Spoiling::default());
    let mut service = layer.layer(limited.clone());
    let call = service.ready().await.unwrap().call(Request::default());
    let mut call = Box::pin(call);
    assert!(call.as_mut().await.is_err());
    assert!(
        limited.ready().now_or_never().is_some(),
        "before it is dropped"
    );
    drop(call);
}

#[tokio::test(start_paused = true)]
async fn a_panic_passes_through_and_leaves_nothing() {
    for steps in [
        vec![Step::PanicInPoll],
        vec![fail(), Step::PanicInPoll],
        vec![fail(), Step::PanicInCall],
    ] {
        let mut stack = stack(steps);
        let call = AssertUnwindSafe(stack.call().await);
        let panic = call.catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"as told"));
        stack.check_nothing_is_left("cancelled");
    }
    let mut stack = stack([Step::PanicInCall]);
    let panic = AssertUnwindSafe(stack.call()).catch_unwind().await;
    assert!(panic.is_err());
    stack.check_nothing_is_left("cancelled");
}

#[tokio::test(start_paused = true)]
async fn the_future_is_small() {
    let server = Server::new([Step::Answer(Outcome::Success)]);
    let mut service = layer(exact()).layer(server);
    let call = service.ready().await.unwrap().call(Request::default());
    let size = size_of_val(&call);
    println!("{size} bytes over an attempt of {}", size_of::<Running>());
    assert!(size <= 352, "{size}");
}
