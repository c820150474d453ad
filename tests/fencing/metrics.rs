//! What is counted.

use ::metrics::Label;
use mainstay::coordination::{FencingGate, OnMissing};
use mainstay::test_util::{Act, Stepper};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use crate::kit::{Ordered, call, ledger, of_term, resource, saying};

/// By how much counters and gauges have changed, and how often a histogram was told something.
fn seen(metrics: &Snapshotter) -> Vec<String> {
    let snapshot = metrics.snapshot().into_vec().into_iter();
    let mut seen: Vec<_> = snapshot
        .filter_map(|(key, _, _, value)| {
            let key = key.key();
            let label = |name| key.labels().find(|l| l.key() == name).map(Label::value);
            assert_eq!(
                (label("layer"), label("name")),
                (Some("fencing"), Some("ledger"))
            );
            let what = ["outcome", "kind"].into_iter().find_map(label);
            let name = key.name().trim_start_matches("mainstay_");
            let name = what.map_or(name.to_owned(), |what| format!("{name}{{{what}}}"));
            match value {
                DebugValue::Counter(0) => None,
                DebugValue::Counter(by) => Some(format!("{name} {by}")),
                DebugValue::Gauge(value) => (value.0 != 0.0).then(|| format!("{name} {value}")),
                DebugValue::Histogram(values) => {
                    (!values.is_empty()).then(|| format!("{name} x{}", values.len()))
                }
            }
        })
        .collect();
    seen.sort();
    seen
}

#[tokio::test(start_paused = true)]
async fn each_call_is_counted_by_its_end_and_gauges_return_to_zero() {
    let recorder = DebuggingRecorder::new();
    let metrics = recorder.snapshotter();
    let gate = FencingGate::in_memory(None);
    let layer = || ledger(&gate).on_missing(OnMissing::Pass);
    let (service, watch) = ::metrics::with_local_recorder(&recorder, || resource(layer()));

    watch.play([Act::hang()]);
    let mut old = Stepper::new(call(&service, of_term(1)));
    assert!(old.step().is_pending());
    assert_eq!(seen(&metrics), ["fencing_in_flight 1"]);
    let mut new = Stepper::new(call(&service, of_term(2)));
    assert!(new.step().is_pending());
    assert_eq!(seen(&metrics), ["fencing_waiting 1"]);
    watch.release();
    assert!(old.step().is_ready() && new.step().is_ready());
    let ended = [
        "calls_total{ok} 2",
        "fencing_in_flight -1",
        "fencing_wait_seconds x1",
        "fencing_waiting -1",
    ];
    assert_eq!(seen(&metrics), ended);

    drop(call(&service, of_term(1)).await);
    drop(call(&service, saying(["x"])).await);
    let refused = [
        "calls_total{rejected} 2",
        "rejections_total{stale_token} 1",
        "rejections_total{token_malformed} 1",
    ];
    assert_eq!(seen(&metrics), refused);

    watch.play([Act::fail(), Act::hang()]);
    drop(call(&service, saying([])).await);
    let mut dropped = Stepper::new(call(&service, of_term(2)));
    assert!(dropped.step().is_pending());
    drop(dropped);
    let ended = [
        "calls_total{cancelled} 1",
        "calls_total{error} 1",
        "fencing_unfenced_total 1",
    ];
    assert_eq!(seen(&metrics), ended);
}

#[tokio::test]
async fn who_waits_and_is_refused_or_leaves_is_counted_and_waits_no_more() {
    let recorder = DebuggingRecorder::new();
    let metrics = recorder.snapshotter();
    let (gate, orders) = Ordered::gate();
    let (service, _) = ::metrics::with_local_recorder(&recorder, || resource(ledger(&gate)));
    let mut leaves = Box::pin(call(&service, of_term(1)));
    assert!(futures::poll!(&mut leaves).is_pending());
    drop(leaves);
    assert_eq!(seen(&metrics), ["calls_total{cancelled} 1"]);
    orders.send(false).unwrap();
    drop(call(&service, of_term(1)).await);
    drop(call(&service, saying([])).await);
    let refused = [
        "calls_total{rejected} 2",
        "fencing_wait_seconds x1",
        "rejections_total{term_unrecorded} 1",
        "rejections_total{token_missing} 1",
    ];
    assert_eq!(seen(&metrics), refused);
}
