//! What is kept of a result, and what its repeats are told.

use std::error::Error as _;
use std::time::Duration;

use mainstay::idempotency::{IdempotencyConfig, OnError, Stored, Tombstone};
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::trace::TraceContext;
use mainstay::{Attempt, Deadline, Executed, Kind, Rng};
use tokio::time::sleep;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer, ServiceExt};

use crate::desk::{
    Act, Desk, LEASE, MILLI, Request, Response, SECOND, Shop, Text, kind, layer, layer_of, pay,
    refused, text, unkeyed,
};
use crate::shelf::{Fault, Op, Shelf, State};

fn once() -> IdempotencyConfig {
    IdempotencyConfig::at_most_once()
}

/// Faults 21 and 22, as the layer sees them.
#[tokio::test(start_paused = true)]
async fn of_a_response_that_is_not_kept_the_fact_is_and_it_never_runs_again() {
    for config in [once(), IdempotencyConfig::at_least_once()] {
        let shop = Shop::open(config, [Act::Huge]);
        assert_eq!(text(&shop.call(pay()).await), "huge 1");
        let kept = State::Done(Stored::Tombstone(Tombstone::TooLarge));
        assert_eq!(shop.shelf.only().state, kept);
        for _ in 0..2 {
            let refusal = refused(&shop.call(pay()).await);
            assert_eq!(refusal.kind(), Kind::ResultUnavailable);
            assert_eq!(refusal.executed(), Executed::Yes);
            assert_eq!(refusal.retry_after(), None);
            sleep(LEASE * 2).await;
        }
        assert_eq!(shop.desk.runs(), 1);
    }
}

/// Fault 35.
#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_never_run_again() {
    let shop = Shop::open(IdempotencyConfig::at_least_once(), [Act::Garbled]);
    assert_eq!(text(&shop.call(pay()).await), "garbled 1");
    let refusal = refused(&shop.call(pay()).await);
    assert_eq!(refusal.kind(), Kind::ResultUnavailable);
    assert_eq!(
        refusal.source().unwrap().to_string(),
        "the record cannot be read"
    );
    assert_eq!(shop.desk.runs(), 1);
}

/// Fault 25: a refusal of an inner layer says itself whether the request can have run.
#[tokio::test(start_paused = true)]
async fn a_refusal_from_further_in_decides_by_whether_it_can_have_run() {
    for on_error in [OnError::Tombstone, OnError::Release, OnError::Unknown] {
        for (executed, then) in [
            (Executed::No, None),
            (Executed::Unknown, Some(Kind::InFlight)),
            (Executed::Yes, Some(Kind::ResultUnavailable)),
        ] {
            let node = Shelf::default().node();
            let layer = layer_of("pay", once(), Text { on_error }, &node);
            let shop = Shop::of(layer, node, [Act::Refuse(executed)]);
            assert_eq!(kind(&shop.call(pay()).await), Kind::CircuitOpen);
            let answer = shop.call(pay()).await;
            match then {
                None => assert_eq!(text(&answer), "run 2"),
                Some(expected) => assert_eq!(kind(&answer), expected),
            }
        }
    }
}

/// Fault 25: an error of the handler's own is what the capture says it is.
#[tokio::test(start_paused = true)]
async fn an_error_that_is_no_refusal_is_what_the_settings_say() {
    for (on_error, then) in [
        (OnError::Release, None),
        (OnError::Unknown, Some(Kind::InFlight)),
        (OnError::Tombstone, Some(Kind::ResultUnavailable)),
    ] {
        let node = Shelf::default().node();
        let layer = layer_of("pay", once(), Text { on_error }, &node);
        let shop = Shop::of(layer, node, [Act::Fail]);
        let error = shop.call(pay()).await.unwrap_err();
        assert_eq!(error.to_string(), "failed 1", "untouched");
        let answer = shop.call(pay()).await;
        match then {
            None => assert_eq!(text(&answer), "run 2"),
            Some(expected) => assert_eq!(kind(&answer), expected),
        }
    }
}

/// A service that is ready when it is told to be.
#[derive(Clone)]
struct Door {
    desk: Desk,
    open: tokio::sync::watch::Receiver<Option<bool>>,
    waits: std::sync::Arc<std::sync::Mutex<Option<futures::future::BoxFuture<'static, ()>>>>,
}

impl Door {
    fn new(desk: &Desk) -> (Self, tokio::sync::watch::Sender<Option<bool>>) {
        let (opens, open) = tokio::sync::watch::channel(None);
        let desk = desk.clone();
        let waits = std::sync::Arc::default();
        (Self { desk, open, waits }, opens)
    }
}

impl tower::Service<Request> for Door {
    type Response = Response;
    type Error = BoxError;
    type Future = futures::future::BoxFuture<'static, Result<Response, BoxError>>;

    fn poll_ready(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), BoxError>> {
        use futures::FutureExt as _;
        use std::task::Poll;
        let open = *self.open.borrow();
        match open {
            Some(true) => Poll::Ready(Ok(())),
            Some(false) => Poll::Ready(Err("the door is broken".into())),
            None => {
                let mut open = self.open.clone();
                let mut waits = self.waits.lock().unwrap();
                let wait = waits.get_or_insert_with(|| {
                    async move { drop(open.wait_for(Option::is_some).await) }.boxed()
                });
                match wait.poll_unpin(cx) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(()) => {
                        *waits = None;
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    }
                }
            }
        }
    }

    fn call(&mut self, request: Request) -> Self::Future {
        Box::pin(self.desk.service().oneshot(request))
    }
}

fn behind_a_door(shelf: &Shelf) -> (Shop, tokio::sync::watch::Sender<Option<bool>>) {
    let node = shelf.node();
    let mut shop = Shop::of(layer(once(), &node), node, []);
    let (door, opens) = Door::new(&shop.desk);
    shop.service = BoxCloneSyncService::new(shop.layer.layer(door));
    (shop, opens)
}

/// Fault 37.
#[tokio::test(start_paused = true)]
async fn what_has_run_is_answered_while_the_inner_service_is_not_ready() {
    let shelf = Shelf::default();
    let before = Shop::over(&shelf, once(), []);
    before.call(pay()).await.unwrap();
    let (shop, _opens) = behind_a_door(&shelf);
    assert!(shop.call(pay()).await.unwrap().is_replay);
    assert_eq!(shop.desk.runs(), 0);
}

/// Fault 37: what waits for the inner service has its key renewed, and runs when it can.
#[tokio::test(start_paused = true)]
async fn a_request_waits_for_the_inner_service_and_keeps_its_key() {
    let (shop, opens) = behind_a_door(&Shelf::default());
    let first = shop.begin(pay()).await;
    sleep(LEASE * 2).await;
    assert_eq!(kind(&shop.call(pay()).await), Kind::InFlight);
    opens.send_replace(Some(true));
    assert_eq!(text(&first.await.unwrap()), "run 1");
    // And without a key.
    let (shop, opens) = behind_a_door(&Shelf::default());
    let first = shop.begin(unkeyed()).await;
    opens.send_replace(Some(true));
    assert_eq!(text(&first.await.unwrap()), "run 1");
}

/// Fault 37.
#[tokio::test(start_paused = true)]
async fn an_inner_service_that_fails_to_be_ready_gives_the_key_back() {
    let (shop, opens) = behind_a_door(&Shelf::default());
    opens.send_replace(Some(false));
    // Before the answer, so that a repeat after it finds the key free.
    let slow = Fault::Delay(MILLI * 100);
    shop.node.always(Op::Release, slow);
    for request in [pay(), unkeyed()] {
        let error = shop.call(request).await.unwrap_err();
        assert_eq!(error.to_string(), "the door is broken");
    }
    assert!(shop.shelf.entries().is_empty());
    assert_eq!(shop.desk.runs(), 0);
}

/// What nobody waits for any more, and has not begun, is not begun.
#[tokio::test(start_paused = true)]
async fn a_request_whose_caller_leaves_before_it_begins_gives_the_key_back() {
    let (shop, opens) = behind_a_door(&Shelf::default());
    let call = shop.begin(pay()).await;
    assert_eq!(shop.shelf.entries().len(), 1);
    call.abort();
    sleep(MILLI).await;
    assert!(shop.shelf.entries().is_empty());
    opens.send_replace(Some(true));
    sleep(SECOND).await;
    assert_eq!(shop.desk.runs(), 0);

    let (shop, _opens) = behind_a_door(&Shelf::default());
    let call = Deadline::within(SECOND).scope(async { shop.call(pay()).await });
    let refusal = refused(&call.await);
    assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
    assert_eq!(refusal.executed(), Executed::No);
    assert!(shop.shelf.entries().is_empty());

    // Nor what cannot keep its key.
    let (shop, _opens) = behind_a_door(&Shelf::default());
    shop.node.always(Op::Renew, Fault::Hang);
    let refusal = refused(&shop.call(pay()).await);
    assert_eq!(
        (refusal.kind(), refusal.executed()),
        (Kind::NotReady, Executed::No)
    );
    assert!(shop.shelf.entries().is_empty());
}

/// The handler runs in a task of its own, under what its caller said.
#[tokio::test(start_paused = true)]
async fn a_handler_sees_the_deadline_the_attempt_and_the_trace_of_its_caller() {
    let shop = Shop::open(once(), []);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
    let writes = std::sync::Arc::clone(&seen);
    let inner = tower::service_fn(move |_: Request| {
        let attempt = Attempt::current().map(Attempt::number);
        *writes.lock().unwrap() = Some((Deadline::current(), attempt, TraceContext::current()));
        async { Err::<Response, BoxError>("seen".into()) }
    });
    let retry = RetryLayer::new("shop", RetryConfig::default()).unwrap();
    let service = retry.layer(shop.layer.layer(inner));
    let deadline = Deadline::within(Duration::from_secs(7));
    let trace = TraceContext::root(&Rng::seeded(1));
    let call = deadline.scope(async { service.oneshot(pay()).await });
    trace.clone().in_scope(call).await.unwrap_err();
    let seen = seen.lock().unwrap().take().unwrap();
    assert_eq!(seen, (Some(deadline), Some(1), Some(trace)));
}
