//! Every call is counted once, by how it ended.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use mainstay::test_util::{Act, Readiness};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use super::MS;
use super::kit::{bench, token};

/// What has changed since the last look, as `name{what} by`.
fn changes(metrics: &Snapshotter) -> Vec<String> {
    let snapshot = metrics.snapshot().into_vec().into_iter();
    let mut changes: Vec<_> = snapshot
        .filter_map(|(key, _, _, value)| {
            let key = key.key();
            let label = |name| {
                let found = key.labels().find(|label| label.key() == name);
                found.map(::metrics::Label::value)
            };
            assert_eq!(
                (label("layer"), label("name")),
                (Some("leader"), Some("orders"))
            );
            let what = label("outcome").or(label("kind")).unwrap_or_default();
            match value {
                DebugValue::Counter(0) => None,
                DebugValue::Counter(by) => Some(format!("{}{{{what}}} {by}", key.name())),
                other => panic!("{other:?}"),
            }
        })
        .collect();
    changes.sort();
    changes
}

fn refused(kind: &str) -> [String; 2] {
    [
        "mainstay_calls_total{rejected} 1".to_owned(),
        format!("mainstay_rejections_total{{{kind}}} 1"),
    ]
}

#[tokio::test(start_paused = true)]
async fn each_end_is_counted_once() {
    let recorder = DebuggingRecorder::new();
    let metrics = recorder.snapshotter();
    let bench = ::metrics::with_local_recorder(&recorder, bench);
    assert_eq!(changes(&metrics), [""; 0]);

    drop(bench.call().await);
    assert_eq!(changes(&metrics), refused("not_leader"));

    for (act, counted) in [
        (Act::answer(), "ok"),
        (Act::answer().after(899 * MS), "ok"),
        (Act::fail(), "error"),
        (Act::panic(), "cancelled"),
        (Act::panic_in_call(), "cancelled"),
    ] {
        bench.seat.lead(token(1));
        bench.watch.otherwise(act);
        drop(AssertUnwindSafe(bench.call()).catch_unwind().await);
        let expected = format!("mainstay_calls_total{{{counted}}} 1");
        assert_eq!(changes(&metrics), [expected], "{act:?}");
    }

    bench.watch.otherwise(Act::hang());
    drop(bench.begin());
    assert_eq!(changes(&metrics), ["mainstay_calls_total{cancelled} 1"]);

    bench.seat.lead(token(2));
    drop(bench.call().await);
    assert_eq!(changes(&metrics), refused("leadership_lost"));

    bench.seat.lead(token(3));
    bench.watch.readiness(Readiness::Pending);
    drop(bench.call().await);
    assert_eq!(changes(&metrics), refused("not_leader"));

    bench.seat.lead(token(4));
    bench.watch.readiness(Readiness::Fail);
    drop(bench.call().await);
    assert_eq!(changes(&metrics), ["mainstay_calls_total{error} 1"]);
}
