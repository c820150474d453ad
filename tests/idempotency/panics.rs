//! Code of others that panics, and runtimes that end, at each stage of a call.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use mainstay::idempotency::{
    Capture, ClientKey, Disposition, Execution, Fingerprint, IdempotencyConfig, IdempotencyLayer,
    Prepare, Unfit, Unreadable,
};
use mainstay::test_util::CountingWaker;
use mainstay::{Deadline, Kind};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};
use tower::{BoxError, Layer, Service, ServiceExt};

use crate::desk::{
    Act, Answer, Desk, LEASE, MILLI, ReadBody, Request, Response, SECOND, Shop, Tenant, Text,
    keyed, kind, pay, text,
};
use crate::shelf::{Fault, Op, Shelf};

fn once() -> IdempotencyConfig {
    IdempotencyConfig::at_most_once()
}

/// Where it panics, once.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Reading,
    ReadingLater,
    Claim,
    Ready,
    Attach,
    Call,
    Handler,
    Capture,
    Renew,
    Finish,
    Replay,
}

/// What is left of a key when it has panicked there.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Left {
    Free,
    Unknown,
    Done,
}

/// A layer's closures and its inner service, of which one panics.
#[derive(Clone)]
struct Brittle {
    desk: Desk,
    place: Place,
    is_broken: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Brittle {
    fn breaks(&self, place: Place) {
        let is_here = self.place == place;
        if is_here
            && !self
                .is_broken
                .swap(true, std::sync::atomic::Ordering::Relaxed)
        {
            panic!("as it was told");
        }
    }
}

impl Prepare<Request> for Brittle {
    type Inner = Request;

    fn key(&self, request: &Request) -> Result<Option<ClientKey>, Unfit> {
        ReadBody::default().key(request)
    }

    fn pass(&self, request: Request) -> Request {
        request
    }

    async fn fingerprint(&self, request: Request) -> Result<(Request, Fingerprint), Unfit> {
        self.breaks(Place::Reading);
        sleep(MILLI).await;
        self.breaks(Place::ReadingLater);
        ReadBody::default().fingerprint(request).await
    }

    fn attach(&self, _request: &mut Request, _execution: &Execution) {
        self.breaks(Place::Attach);
    }
}

impl Capture<Response, BoxError> for Brittle {
    type Outer = Response;

    async fn capture(&self, result: Answer) -> (Answer, Disposition) {
        self.breaks(Place::Capture);
        Text::default().capture(result).await
    }

    fn pass(&self, response: Response) -> Response {
        response
    }

    fn replay(&self, record: Bytes) -> Result<Response, Unreadable> {
        self.breaks(Place::Replay);
        Text::default().replay(record)
    }
}

impl Service<Request> for Brittle {
    type Response = Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Answer>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.breaks(Place::Ready);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.breaks(Place::Call);
        let (brittle, handler) = (self.clone(), self.desk.service());
        Box::pin(async move {
            brittle.breaks(Place::Handler);
            handler.oneshot(request).await
        })
    }
}

/// Of whatever panics, the caller has the panic, also when it polls again; neither a slot nor a chore
/// stays, and a key of which it is known that nothing ran is free.
#[tokio::test(start_paused = true)]
async fn a_panic_at_any_stage_keeps_neither_a_slot_nor_a_key_that_did_not_run() {
    for (place, left) in [
        (Place::Reading, Left::Free),
        (Place::ReadingLater, Left::Free),
        (Place::Claim, Left::Free),
        (Place::Ready, Left::Free),
        (Place::Attach, Left::Unknown),
        (Place::Call, Left::Unknown),
        (Place::Handler, Left::Unknown),
        (Place::Capture, Left::Unknown),
        (Place::Renew, Left::Unknown),
        (Place::Finish, Left::Done),
        (Place::Replay, Left::Done),
    ] {
        let node = Shelf::default().node();
        let desk = Desk::playing((place == Place::Renew).then_some(Act::AnswerAfter(LEASE)));
        let brittle = Brittle {
            desk: desk.clone(),
            place,
            is_broken: std::sync::Arc::default(),
        };
        let (prepare, capture) = (brittle.clone(), brittle.clone());
        let layer = IdempotencyLayer::new("pay", once(), prepare, capture, node.clone()).unwrap();
        let tenant: Tenant = |request| request.tenant;
        let layer = layer.scope(tenant);
        let service = layer.layer(brittle);
        if place == Place::Replay {
            service.clone().oneshot(pay()).await.unwrap();
        }
        for op in [Op::Claim, Op::Renew, Op::Finish] {
            if format!("{op:?}") == format!("{place:?}") {
                node.next(op, Fault::Panic);
            }
        }

        let mut call = Box::pin(service.clone().oneshot(pay()));
        let panicked = AssertUnwindSafe(&mut call).catch_unwind().await;
        assert!(panicked.is_err(), "{place:?}");
        let mut cx = Context::from_waker(Waker::noop());
        let again = catch_unwind(AssertUnwindSafe(|| call.poll_unpin(&mut cx)));
        assert!(again.is_err(), "{place:?}");
        drop(call);
        sleep(LEASE).await;

        assert_eq!(layer.handle().snapshot().executing(), 0, "{place:?}");
        let again = service.clone().oneshot(pay()).await;
        match left {
            Left::Free => assert_eq!(text(&again), "run 1", "{place:?}"),
            Left::Unknown => assert_eq!(kind(&again), Kind::OutcomeUnknown, "{place:?}"),
            Left::Done => assert!(again.unwrap().is_replay, "{place:?}"),
        }
        let drained = layer.handle().drain(Deadline::NEVER).now_or_never();
        assert_eq!(drained, Some(0), "{place:?}: a chore is left");
    }
}

/// The same of a key that is given back for want of a slot.
#[tokio::test(start_paused = true)]
async fn a_panic_while_a_key_is_given_back_does_not_keep_it() {
    let shop = Shop::open(once().executions(1), [Act::AnswerAfter(SECOND)]);
    let first = shop.begin(keyed("k-2", "")).await;
    shop.node.next(Op::Release, Fault::Panic);
    let call = AssertUnwindSafe(shop.call(pay())).catch_unwind();
    assert!(call.await.is_err());
    assert_eq!(text(&first.await.unwrap()), "run 1");
    assert_eq!(text(&shop.call(pay()).await), "run 2");
    let drained = shop.layer.handle().drain(Deadline::NEVER).now_or_never();
    assert_eq!(drained, Some(0));
}

/// A call, made to be at one stage after its first poll.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Reading,
    Asking,
    Waiting,
    GivingBack,
    Running,
}

const STAGES: [Stage; 5] = [
    Stage::Reading,
    Stage::Asking,
    Stage::Waiting,
    Stage::GivingBack,
    Stage::Running,
];

async fn at(stage: Stage) -> (Shop, Pin<Box<dyn Future<Output = Answer> + Send>>) {
    let config = match stage {
        Stage::Waiting => once().duplicates(mainstay::idempotency::Duplicates::Wait {
            max: Duration::from_secs(20),
        }),
        Stage::GivingBack => once().executions(1),
        _ => once(),
    };
    let shop = Shop::open(config, [Act::AnswerAfter(SECOND * 3)]);
    let mut request = pay();
    match stage {
        Stage::Reading => request.body = "slow",
        Stage::Asking => shop.node.next(Op::Claim, Fault::SlowReply(MILLI * 900)),
        Stage::Waiting => drop(shop.begin(pay()).await),
        Stage::GivingBack => {
            drop(shop.begin(keyed("k-2", "")).await);
            shop.node.next(Op::Release, Fault::Delay(MILLI * 900));
        }
        Stage::Running => {}
    }
    let service = shop.service.clone();
    let call = Box::pin(async move { service.oneshot(request).await });
    (shop, call)
}

/// A call that was handed to another task is polled by that one's waker from then on.
#[tokio::test(start_paused = true)]
async fn whoever_polled_a_call_last_is_woken_at_any_stage() {
    for stage in STAGES {
        let (shop, mut call) = at(stage).await;
        let mut rounds = 0;
        let answer = loop {
            let (first, last) = (CountingWaker::new(), CountingWaker::new());
            if let Poll::Ready(answer) = first.poll_once(call.as_mut()) {
                break answer;
            }
            if let Poll::Ready(answer) = last.poll_once(call.as_mut()) {
                break answer;
            }
            sleep(SECOND * 5).await;
            assert!(last.wakes() > 0, "{stage:?}: it sleeps for ever");
            rounds += 1;
        };
        assert!(rounds > 0, "{stage:?}");
        match stage {
            Stage::GivingBack => assert_eq!(kind(&answer), Kind::BulkheadFull),
            _ => assert_eq!(text(&answer), "run 1", "{stage:?}"),
        }
        assert_eq!(shop.layer.handle().snapshot().executing(), 0, "{stage:?}");
    }
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}

/// A runtime that ends in the middle of a call leaves no count behind, whether the call is dropped
/// before it or after, and outside of any runtime.
#[test]
fn a_runtime_that_ends_at_any_stage_leaves_no_count() {
    for stage in STAGES {
        for ends_first in [false, true] {
            let ending = runtime();
            let (shop, call) = ending.block_on(async {
                let (shop, mut call) = at(stage).await;
                assert!(futures::poll!(&mut call).is_pending(), "{stage:?}");
                (shop, call)
            });
            if ends_first {
                drop(ending);
                drop(call);
            } else {
                drop(call);
                drop(ending);
            }
            let handle = shop.layer.handle();
            let counts = (handle.snapshot().executing(), handle.snapshot().waiting());
            assert_eq!(counts, (0, 0), "{stage:?}");
            let drained =
                runtime().block_on(async { timeout(SECOND, handle.drain(Deadline::NEVER)).await });
            assert_eq!(drained, Ok(0), "{stage:?}: a chore is left");
        }
    }
}

/// Who waits for an execution whose runtime ends hears that it is not known what came of it.
#[test]
fn of_an_execution_whose_runtime_ends_the_outcome_is_unknown() {
    let ending = runtime();
    let (_shop, mut call) = ending.block_on(async {
        let (shop, mut call) = at(Stage::Running).await;
        assert!(futures::poll!(&mut call).is_pending());
        (shop, call)
    });
    let waker = CountingWaker::new();
    assert!(waker.poll_once(call.as_mut()).is_pending());
    drop(ending);
    assert!(waker.wakes() > 0);
    let Poll::Ready(answer) = waker.poll_once(call.as_mut()) else {
        panic!("it waits for nobody");
    };
    assert_eq!(kind(&answer), Kind::OutcomeUnknown);
}
