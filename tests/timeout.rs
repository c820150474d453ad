//! The timeout from outside: when its time runs, how a call ends, and what is left of it.

#![cfg(all(feature = "test-util", feature = "timeout"))]

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use mainstay::test_util::{Act, Failed, Probe, Stepper, Token, Watch};
use mainstay::timeout::{Limit, Timeout, TimeoutConfig, TimeoutHandle, TimeoutLayer};
use mainstay::{Deadline, Error, Executed, Kind, Rejection, error};
use tokio::time::{Instant, advance, sleep};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

const SECOND: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);

type Service1 = Timeout<error::ErrorService<Probe>>;
type Answer = Result<Token, Error<Failed>>;

fn layer(limit: Duration) -> TimeoutLayer {
    TimeoutLayer::new("db", TimeoutConfig::default().limit(limit)).expect("the limit is valid")
}

fn over_probe(limit: Duration) -> (Service1, Watch, TimeoutHandle) {
    let probe = Probe::new();
    let watch = probe.watch();
    let layer = layer(limit);
    let handle = layer.handle();
    (layer.layer(error::layer().layer(probe)), watch, handle)
}

async fn call(service: &mut Service1, watch: &Watch) -> Answer {
    service.ready().await?.call(watch.request()).await
}

#[track_caller]
fn refusal<T: std::fmt::Debug, E: std::fmt::Debug>(answer: Result<T, Error<E>>) -> Rejection {
    match answer {
        Err(Error::Rejected(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

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
    let call = AssertUnwindSafe(async { block_on(call(&mut service, &watch)) });
    let panic = call.catch_unwind().now_or_never().expect("it blocks");
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
    let refused = std::future::poll_fn(|cx| call.as_mut().poll(cx)).await;
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
    impl mainstay::StackError for Ours {
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
        std::future::pending::<Result<(), Ours>>().await
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

#[tokio::test(start_paused = true)]
async fn a_limit_can_be_computed_from_the_request() {
    let by_millis = |millis: &u64| (*millis > 0).then(|| Duration::from_millis(*millis));
    let mut service = layer(SECOND).limit_by(by_millis).layer(hanging());
    for (request, limit) in [
        (10, Duration::from_millis(10)),
        (5_000, 5 * SECOND),
        (0, SECOND),
    ] {
        let refusal = refusal(service.ready().await.unwrap().call(request).await);
        assert_eq!(refusal.limit_and_elapsed().unwrap().0, limit);
    }
}

fn hanging<Req: 'static>()
-> impl Service<Req, Response = (), Error = Error<Infallible>, Future: Send> + Clone {
    service_fn(|_: Req| std::future::pending())
}

#[tokio::test(start_paused = true)]
async fn a_computed_limit_of_nothing_refuses_what_is_not_ready_at_once() {
    let probe = Probe::new();
    let watch = probe.watch();
    let nothing = |_: &Token| Some(Duration::ZERO);
    let mut service = layer(SECOND)
        .limit_by(nothing)
        .layer(error::layer().layer(probe));
    watch.play([Act::answer(), Act::hang()]);
    assert!(
        service
            .ready()
            .await
            .unwrap()
            .call(watch.request())
            .await
            .is_ok()
    );

    let started = Instant::now();
    let refusal = refusal(service.ready().await.unwrap().call(watch.request()).await);
    assert_eq!(refusal.limit_and_elapsed().unwrap().0, Duration::ZERO);
    assert!(started.elapsed() <= Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn the_longest_limit_is_never_and_the_shortest_is_kept() {
    let (mut service, watch, handle) = over_probe(Duration::MAX);
    assert_eq!(handle.limit(), Duration::MAX);
    watch.otherwise(Act::answer().after(100 * 365 * 24 * 3600 * SECOND));
    assert!(call(&mut service, &watch).await.is_ok());

    watch.otherwise(Act::hang());
    handle
        .reconfigure(TimeoutConfig::default().limit(NANO))
        .unwrap();
    assert_eq!(
        refusal(call(&mut service, &watch).await)
            .limit_and_elapsed()
            .unwrap()
            .0,
        NANO
    );
}

#[test]
fn a_configured_limit_of_nothing_is_refused_by_name() {
    let zero = TimeoutConfig::default().limit(Duration::ZERO);
    let error = TimeoutLayer::new("db", zero.clone()).unwrap_err();
    assert_eq!(error.to_string(), "limit is 0ns, but must be above zero");
    let (_, _, handle) = over_probe(SECOND);
    assert!(handle.reconfigure(zero).is_err());
    assert_eq!(handle.limit(), SECOND, "the old one stays");
}

#[tokio::test(start_paused = true)]
async fn the_sooner_of_limit_and_deadline_ends_the_call() {
    for (deadline, kind, limit) in [
        (SECOND / 2, Kind::DeadlineExceeded, SECOND / 2),
        (SECOND, Kind::DeadlineExceeded, SECOND),
        (2 * SECOND, Kind::Timeout, SECOND),
        (Duration::MAX, Kind::Timeout, SECOND),
    ] {
        let (mut service, watch, _) = over_probe(SECOND);
        watch.otherwise(Act::hang());
        let call = call(&mut service, &watch);
        let refusal = refusal(Deadline::within(deadline).scope(call).await);
        assert_eq!(refusal.kind(), kind, "{deadline:?}");
        assert_eq!(refusal.executed(), Executed::Unknown);
        assert_eq!(
            refusal.limit_and_elapsed().unwrap().0,
            limit,
            "{deadline:?}"
        );
        assert_eq!(watch.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_refuses_before_the_inner_service_is_called() {
    let (mut service, watch, _) = over_probe(SECOND);
    for deadline in [
        Deadline::within(Duration::ZERO),
        Deadline::at(Instant::now()),
    ] {
        advance(NANO).await;
        let refusal = refusal(deadline.scope(call(&mut service, &watch)).await);
        assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
        assert_eq!(refusal.executed(), Executed::No);
    }
    assert_eq!(watch.calls(), 0);
    assert_eq!(watch.alive().requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_found_where_the_call_is_made() {
    let (mut service, watch, _) = over_probe(SECOND);
    watch.otherwise(Act::hang());
    service.ready().await.unwrap();
    let deadline = Deadline::within(SECOND / 2);
    let call = deadline.scope(std::future::poll_fn(|_| {
        Poll::Ready(service.call(watch.request()))
    }));
    let call = call.await;
    // It is polled outside of the scope, as by a spawned task.
    assert_eq!(
        refusal(tokio::spawn(call).await.unwrap()).kind(),
        Kind::DeadlineExceeded
    );
}

#[tokio::test(start_paused = true)]
async fn new_settings_are_for_new_calls() {
    let (mut service, watch, handle) = over_probe(SECOND);
    watch.otherwise(Act::hang());
    let before = service.ready().await.unwrap().call(watch.request());
    handle
        .reconfigure(TimeoutConfig::default().limit(9 * SECOND))
        .unwrap();
    let after = service.ready().await.unwrap().call(watch.request());
    let (before, after) = futures::join!(before, after);
    assert_eq!(refusal(before).limit_and_elapsed().unwrap().0, SECOND);
    assert_eq!(refusal(after).limit_and_elapsed().unwrap().0, 9 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn services_of_one_layer_and_its_clones_share_the_settings() {
    let layer = layer(SECOND);
    let services = [layer.layer(hanging()), layer.clone().layer(hanging())];
    layer
        .handle()
        .reconfigure(TimeoutConfig::default().limit(9 * SECOND))
        .unwrap();
    for service in services {
        let refusal = refusal(service.oneshot(()).await);
        assert_eq!(refusal.limit_and_elapsed().unwrap().0, 9 * SECOND);
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
        std::future::poll_fn(move |cx| {
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
    watch.readiness(mainstay::test_util::Readiness::Pending);
    let ready = tokio::spawn(async move { service.ready().await.map(|_| ()) });
    sleep(3600 * SECOND).await;
    assert!(!ready.is_finished());
    watch.readiness(mainstay::test_util::Readiness::Ready);
    assert!(ready.await.unwrap().is_ok());
}

#[test]
fn a_limit_may_be_a_type_of_its_own() {
    #[derive(Clone)]
    struct ByLength;
    impl Limit<String> for ByLength {
        fn limit(&self, request: &String) -> Option<Duration> {
            Some(SECOND * u32::try_from(request.len()).unwrap_or(u32::MAX))
        }
    }
    let service = ServiceBuilder::new()
        .layer(layer(SECOND).limit_by(ByLength))
        .layer(error::layer())
        .service_fn(|request: String| async move { Ok::<_, Infallible>(request) });
    assert_eq!(block_on(service.oneshot("abc".into())).unwrap(), "abc");
}

#[cfg(feature = "metrics")]
#[path = "timeout/metrics.rs"]
mod metered;
