//! The clauses on metrics.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use mainstay::test_util::{Act, Probe};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use super::matrix::Verdict;
use super::subject::{Bench, Stack, Subject, paused};

/// A call to the end, one given up, and one that unwinds; and how each is counted.
const ENDS: [(Act, How, &str); 7] = [
    (Act::answer(), How::Finished, "ok"),
    (Act::answer().after_polls(1), How::Finished, "ok"),
    (Act::fail(), How::Finished, "error"),
    (Act::hang(), How::Unpolled, "cancelled"),
    (Act::hang(), How::PolledOnce, "cancelled"),
    (Act::panic(), How::Finished, "cancelled"),
    (Act::panic_in_call(), How::Finished, "cancelled"),
];

#[derive(Clone, Copy, Debug)]
enum How {
    Finished,
    Unpolled,
    PolledOnce,
}

impl How {
    async fn run<S: Stack>(self, bench: &mut Bench<S>) {
        match self {
            Self::Finished => drop(AssertUnwindSafe(bench.call()).catch_unwind().await),
            Self::Unpolled => drop(bench.call_ready()),
            Self::PolledOnce => assert!(bench.call_ready().now_or_never().is_none()),
        }
    }
}

const UNMETERED: &str = "it counts no calls: it can refuse none";

/// Each call that enters the outermost layer is counted once there, by how it ended.
pub(crate) fn counted_once<M: Fn(Probe) -> S, S: Stack>(subject: &Subject<M>) -> Verdict {
    let Some(layer) = subject.metered else {
        return Verdict::DoesNotApply(UNMETERED);
    };
    recorded(subject, async |mut bench, metrics| {
        for (act, how, outcome) in ENDS {
            metrics.snapshot();
            bench.watch.otherwise(act);
            how.run(&mut bench).await;
            let counted = calls_of(layer, metrics);
            assert_eq!(counted, [(outcome.to_owned(), 1)], "{act:?} {how:?}");
        }
    });
    Verdict::Kept
}

/// When no call is in flight, every gauge is where it was before the first.
pub(crate) fn gauges_return<M: Fn(Probe) -> S, S: Stack>(subject: &Subject<M>) -> Verdict {
    if subject.metered.is_none() {
        return Verdict::DoesNotApply(UNMETERED);
    }
    recorded(subject, async |mut bench, metrics| {
        metrics.snapshot(); // each starts from zero again, so what is left is the difference
        for (act, how, _) in ENDS {
            bench.watch.otherwise(act);
            how.run(&mut bench).await;
            for (key, _, _, value) in metrics.snapshot().into_vec() {
                if let DebugValue::Gauge(left) = value {
                    assert!(left.abs() < 0.5, "{left} in {key:?} after {act:?} {how:?}");
                }
            }
        }
    });
    Verdict::Kept
}

/// The outcomes that `layer` counted since the last snapshot.
fn calls_of(layer: &str, metrics: &Snapshotter) -> Vec<(String, u64)> {
    let label = |key: &metrics::Key, name: &str| {
        let found = key.labels().find(|label| label.key() == name);
        found.map(|label| label.value().to_owned())
    };
    let counted = metrics.snapshot().into_vec().into_iter();
    counted
        .filter_map(|(key, _, _, value)| match value {
            DebugValue::Counter(count @ 1..) if key.key().name() == "mainstay_calls_total" => {
                let ours = label(key.key(), "layer").as_deref() == Some(layer);
                ours.then(|| (label(key.key(), "outcome").unwrap_or_default(), count))
            }
            _ => None,
        })
        .collect()
}

/// Runs with a recorder of its own, installed before the layer is made.
fn recorded<M, S>(subject: &Subject<M>, test: impl AsyncFnOnce(Bench<S>, &Snapshotter))
where
    M: Fn(Probe) -> S,
    S: Stack,
{
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let bench = metrics::with_local_recorder(&recorder, || subject.bench());
    paused(test(bench, &snapshotter));
}
