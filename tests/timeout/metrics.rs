//! Every call is counted once, and the gauge of pending calls returns to zero.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures::FutureExt;
use mainstay::test_util::{Act, Stepper, Watch};
use mainstay::{Deadline, Error};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tower::{Service, ServiceExt};

use super::{Answer, OverProbe, SECOND, call, over_probe, refusal};

/// The service, and a view of what it has counted since the last look.
struct Metered {
    service: OverProbe,
    watch: Watch,
    metrics: Snapshotter,
}

fn metered() -> Metered {
    let recorder = DebuggingRecorder::new();
    let metrics = recorder.snapshotter();
    let (service, watch, _) = ::metrics::with_local_recorder(&recorder, || over_probe(SECOND));
    let metered = Metered {
        service,
        watch,
        metrics,
    };
    assert_eq!(metered.changes(), [""; 0]);
    metered
}

impl Metered {
    /// What has changed, as `name{what} by`. Only the labels that differ are said.
    fn changes(&self) -> Vec<String> {
        let snapshot = self.metrics.snapshot().into_vec().into_iter();
        let mut changes: Vec<_> = snapshot
            .filter_map(|(key, _, _, value)| {
                let key = key.key();
                let label = |name| {
                    key.labels()
                        .find(|l| l.key() == name)
                        .map(::metrics::Label::value)
                };
                assert_eq!(
                    (label("layer"), label("name")),
                    (Some("timeout"), Some("db"))
                );
                let what = label("outcome").or(label("kind")).unwrap_or_default();
                let name = key.name().trim_start_matches("mainstay_");
                match value {
                    DebugValue::Counter(0) => None,
                    DebugValue::Counter(by) => Some(format!("{name}{{{what}}} {by}")),
                    DebugValue::Gauge(by) if *by == 0.0 => None,
                    DebugValue::Gauge(by) => Some(format!("{name} {by}")),
                    DebugValue::Histogram(_) => Some(name.to_owned()),
                }
            })
            .collect();
        changes.sort();
        changes
    }

    async fn call(&mut self, act: Act) -> Answer {
        self.watch.otherwise(act);
        call(&mut self.service, &self.watch).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_inner_service_answers_is_counted_once() {
    let mut metered = metered();
    for act in [
        Act::answer(),
        Act::answer().after_polls(2),
        Act::answer().after(SECOND / 2),
    ] {
        assert!(metered.call(act).await.is_ok());
        assert_eq!(metered.changes(), ["calls_total{ok} 1"], "{act:?}");
    }
    for act in [Act::fail(), Act::fail().after(SECOND / 2)] {
        assert!(matches!(metered.call(act).await, Err(Error::Inner(_))));
        assert_eq!(metered.changes(), ["calls_total{error} 1"], "{act:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_counted_once_and_by_its_kind() {
    let mut metered = metered();
    drop(refusal(metered.call(Act::hang()).await));
    let timeout = ["calls_total{rejected} 1", "rejections_total{timeout} 1"];
    assert_eq!(metered.changes(), timeout);

    let late = [
        "calls_total{rejected} 1",
        "rejections_total{deadline_exceeded} 1",
    ];
    for left in [SECOND / 2, Duration::ZERO] {
        let call = metered.call(Act::hang());
        drop(refusal(Deadline::within(left).scope(call).await));
        assert_eq!(metered.changes(), late, "{left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_or_unwinds_is_counted_once_as_cancelled() {
    let cancelled = ["calls_total{cancelled} 1"];
    let mut metered = metered();
    for act in [
        Act::panic_in_call(),
        Act::panic(),
        Act::panic().after(SECOND / 2),
    ] {
        let panic = AssertUnwindSafe(metered.call(act)).catch_unwind().await;
        assert!(panic.is_err());
        assert_eq!(metered.changes(), cancelled, "{act:?}");
    }
    let request = metered.watch.request();
    drop(metered.service.ready().await.unwrap().call(request));
    assert_eq!(metered.changes(), cancelled, "never polled");
}

#[tokio::test(start_paused = true)]
async fn the_gauge_holds_the_calls_that_wait() {
    let mut metered = metered();
    metered.watch.otherwise(Act::hang());
    let mut calls = Vec::new();
    for _ in 0..3 {
        let request = metered.watch.request();
        let mut call = Stepper::new(metered.service.ready().await.unwrap().call(request));
        assert_eq!(metered.changes(), [""; 0], "not before it waits");
        assert!(call.step().is_pending());
        assert!(call.step().is_pending());
        assert_eq!(metered.changes(), ["timeout_pending 1"]);
        calls.push(call);
    }
    drop(calls.pop());
    assert_eq!(
        metered.changes(),
        ["calls_total{cancelled} 1", "timeout_pending -1"]
    );

    metered.watch.release();
    drop(calls.pop().unwrap().finish().await);
    assert_eq!(
        metered.changes(),
        ["calls_total{ok} 1", "timeout_pending -1"]
    );
    drop(calls.pop().unwrap().finish().await);
    assert_eq!(
        metered.changes(),
        ["calls_total{ok} 1", "timeout_pending -1"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_gauge_falls_before_the_caller_hears_of_the_end() {
    let mut metered = metered();
    metered.watch.otherwise(Act::hang());
    let request = metered.watch.request();
    let mut call = Box::pin(metered.service.ready().await.unwrap().call(request));
    drop(refusal(poll_fn(|cx| call.as_mut().poll(cx)).await));
    let refused = ["calls_total{rejected} 1", "rejections_total{timeout} 1"];
    assert_eq!(
        metered.changes(),
        refused,
        "the future itself is still there"
    );
    drop(call);
    assert_eq!(metered.changes(), [""; 0]);
}

#[test]
fn a_call_that_cannot_have_a_timer_leaves_the_gauge_as_it_was() {
    let mut metered = metered();
    metered.watch.otherwise(Act::hang());
    let request = metered.watch.request();
    let ready = metered.service.ready().now_or_never().unwrap();
    let call = ready.unwrap().call(request);
    let panic = catch_unwind(AssertUnwindSafe(|| call.now_or_never()));
    assert!(panic.is_err(), "a timer without a runtime");
    assert_eq!(metered.changes(), ["calls_total{cancelled} 1"]);
}
