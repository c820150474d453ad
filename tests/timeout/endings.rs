//! When the time runs, and how a call ends.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use mainstay::test_util::{Act, Readiness, Stepper};
use mainstay::{Error, Executed, Kind, Rejection, StackError};
use tokio::time::{Instant, advance, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{SECOND, call, layer, over_probe, refusal};

#[test]
fn a_service_that_is_ready_needs_no_timer_and_so_no_runtime() {
    let (mut service, watch, _) = over_probe(SECOND);
    assert!(block_on(call(&mut service, &watch)).is_ok());
    watch.otherwise(Act::fail());
    assert!(matches!(
        block_on(call(&mut service, &watch)),
        Err(Error::Inner(_))
    ));
}

#[test]
fn the_first_pending_poll_makes_the_timer() {
    let (mut service, watch, _) = over_probe(SECOND);
    watch.otherwise(Act::hang());
    let call = service
        .ready()
        .now_or_never()
        .unwrap()
        .unwrap()
        .call(watch.request());
    let panic = catch_unwind(AssertUnwindSafe(|| call.now_or_never()));
    assert!(panic.is_err(), "a timer without a runtime");
    assert_eq!(watch.alive().futures(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_limit_runs_from_the_first_pending_poll_and_never_ends_a_call_early() {
    let (mut service, watch, _) = over_probe(SECOND);
    watch.otherwise(Act::hang());
    let call = service.ready().await.unwrap().call(watch.request());
    advance(60 * SECOND).await; // between `call` and the first poll no time runs
    let polled = Instant::now();
    let refusal = refusal(call.await);
    assert_eq!(refusal.kind(), Kind::Timeout);
    assert_eq!(refusal.executed(), Executed::Unknown);
    assert_eq!(refusal.layer(), "db");
    let (limit, elapsed) = refusal.limit_and_elapsed().unwrap();
    assert_eq!(limit, SECOND);
    assert_eq!(elapsed, polled.elapsed());
    // tokio's timers have a grain of one millisecond, and never fire early.
    assert!(
        (SECOND..=SECOND + Duration::from_millis(1)).contains(&elapsed),
        "{elapsed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_just_inside_the_limit_is_answered() {
    let (mut service, watch, _) = over_probe(SECOND);
    watch.otherwise(Act::answer().after(Duration::from_millis(999)));
    assert!(call(&mut service, &watch).await.is_ok());
    watch.otherwise(Act::answer().after(Duration::from_millis(1_002)));
    assert_eq!(
        refusal(call(&mut service, &watch).await).kind(),
        Kind::Timeout
    );
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_ready_in_the_poll_of_the_expiry_wins() {
    for act in [Act::answer(), Act::fail()] {
        let (mut service, watch, _) = over_probe(SECOND);
        watch.otherwise(act.after(SECOND));
        let answer = call(&mut service, &watch).await;
        assert!(!matches!(answer, Err(Error::Rejected(_))), "{answer:?}");

        watch.otherwise(act.when_released());
        let mut late = Stepper::new(service.ready().await.unwrap().call(watch.request()));
        assert!(late.step().is_pending());
        advance(60 * SECOND).await;
        watch.release();
        let Poll::Ready(answer) = late.step() else {
            panic!("it was released");
        };
        assert!(!matches!(answer, Err(Error::Rejected(_))), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_inner_future_is_gone_before_the_refusal_is_there() {
    let (mut service, watch, _) = over_probe(SECOND);
    watch.otherwise(Act::hang());
    let mut call = Box::pin(service.ready().await.unwrap().call(watch.request()));
    let refused = poll_fn(|cx| call.as_mut().poll(cx)).await;
    // `call` itself is still alive.
    let alive = watch.alive();
    assert_eq!(
        (alive.futures(), alive.running(), alive.requests()),
        (0, 0, 0)
    );
    assert_eq!(refusal(refused).kind(), Kind::Timeout);
}

/// An error type of the user's, made from the refusal in the very moment it is returned.
#[tokio::test(start_paused = true)]
async fn the_inner_future_is_gone_before_the_refusal_becomes_an_error() {
    static ORDER: Mutex<Vec<&str>> = Mutex::new(Vec::new());

    #[derive(Debug)]
    struct Ours;
    impl From<Rejection> for Ours {
        fn from(_: Rejection) -> Self {
            ORDER.lock().unwrap().push("refused");
            Self
        }
    }
    impl StackError for Ours {
        fn rejection(&self) -> Option<&Rejection> {
            None
        }
    }
    struct Dropped;
    impl Drop for Dropped {
        fn drop(&mut self) {
            ORDER.lock().unwrap().push("dropped");
        }
    }

    let inner = service_fn(|()| async {
        let _dropped = Dropped;
        pending::<Result<(), Ours>>().await
    });
    assert!(layer(SECOND).layer(inner).oneshot(()).await.is_err());
    assert_eq!(*ORDER.lock().unwrap(), ["dropped", "refused"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_unwinds_through_and_the_service_goes_on() {
    let (mut service, watch, _) = over_probe(SECOND);
    let idle = watch.alive();
    for act in [
        Act::panic_in_call(),
        Act::panic(),
        Act::panic().after(SECOND / 2),
    ] {
        watch.play([act]);
        let panic = AssertUnwindSafe(call(&mut service, &watch))
            .catch_unwind()
            .await;
        let said = panic.expect_err("it panics");
        assert!(
            said.downcast_ref::<String>()
                .unwrap()
                .starts_with("the probe panics in")
        );
        assert_eq!(watch.alive(), idle, "{act:?}");
        assert!(call(&mut service, &watch).await.is_ok());
    }
}

/// tokio gives each poll of a task a budget, and its own resources, timers included, are pending
/// when it is used up.
#[tokio::test(start_paused = true)]
async fn an_inner_service_that_burns_the_budget_cannot_put_the_timer_off() {
    let polls = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&polls);
    let burning = service_fn(move |()| {
        let polls = Arc::clone(&counted);
        poll_fn(move |cx| {
            *polls.lock().unwrap() += 1;
            assert!(
                *polls.lock().unwrap() < 1_000,
                "the timer is put off for ever"
            );
            loop {
                let consumed = std::pin::pin!(tokio::task::consume_budget()).poll(cx);
                if consumed.is_pending() {
                    return Poll::<Result<(), Error<Infallible>>>::Pending; // it has woken the task
                }
            }
        })
    });
    let call = tokio::spawn(layer(SECOND).layer(burning).oneshot(()));
    tokio::task::yield_now().await;
    advance(2 * SECOND).await;
    assert_eq!(refusal(call.await.unwrap()).kind(), Kind::Timeout);
    assert!(*polls.lock().unwrap() > 1);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_not_timed() {
    let (mut service, watch, _) = over_probe(SECOND);
    watch.readiness(Readiness::Pending);
    let ready = tokio::spawn(async move { service.ready().await.map(|_| ()) });
    sleep(3600 * SECOND).await;
    assert!(!ready.is_finished());
    watch.readiness(Readiness::Ready);
    assert!(ready.await.unwrap().is_ok());
}
