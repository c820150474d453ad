//! What is counted.

use std::panic::AssertUnwindSafe;

use ::metrics::Label;
use futures::FutureExt;
use mainstay::Deadline;
use mainstay::deadline::{DeadlineClientConfig, DeadlineServerConfig, Expired};
use mainstay::test_util::Act;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tower::Layer;

use crate::MS;
use crate::kit::{Note, call, client, grpc, millis, noted, server};

/// What has changed, as `name{what} by`.
fn changes(metrics: &Snapshotter, layer: &str) -> Vec<String> {
    let snapshot = metrics.snapshot().into_vec().into_iter();
    let mut changes: Vec<_> = snapshot
        .filter_map(|(key, _, _, value)| {
            let key = key.key();
            let label = |name| key.labels().find(|l| l.key() == name).map(Label::value);
            assert_eq!(label("layer"), Some(layer));
            let what = ["outcome", "kind", "action"].into_iter().find_map(label);
            let name = key.name().trim_start_matches("mainstay_");
            match value {
                DebugValue::Counter(0) => None,
                DebugValue::Counter(by) => Some(format!("{name}{{{}}} {by}", what.unwrap_or(""))),
                other => panic!("{other:?}"),
            }
        })
        .collect();
    changes.sort();
    changes
}

const ENDED: [&str; 2] = [
    "calls_total{rejected} 1",
    "rejections_total{deadline_exceeded} 1",
];

#[tokio::test(start_paused = true)]
async fn the_server_counts_what_was_late_by_what_was_done_and_what_was_malformed() {
    let recorder = DebuggingRecorder::new();
    let metrics = recorder.snapshotter();
    let (inner, watch, _) = noted();
    let layer =
        ::metrics::with_local_recorder(&recorder, || server(DeadlineServerConfig::default()));
    let service = layer.layer(inner);
    let refused = [
        "calls_total{rejected} 1",
        "deadline_expired_total{refused} 1",
        ENDED[1],
    ];

    call(&service, millis(50)).await.unwrap();
    assert_eq!(changes(&metrics, "deadline_server"), ["calls_total{ok} 1"]);
    drop(call(&service, millis(0)).await);
    assert_eq!(changes(&metrics, "deadline_server"), refused);
    let passed = Note::default().holding(Deadline::at(tokio::time::Instant::now()));
    drop(call(&service, passed).await);
    assert_eq!(changes(&metrics, "deadline_server"), refused);

    watch.otherwise(Act::hang());
    drop(call(&service, millis(50)).await);
    assert_eq!(changes(&metrics, "deadline_server"), ENDED);

    watch.otherwise(Act::fail());
    let observed = DeadlineServerConfig::default().expired(Expired::Observe);
    layer.handle().reconfigure(observed).unwrap();
    let malformed = grpc("x")
        .with("x-request-timeout-ms", "+1")
        .with("grpc-timeout", "0n");
    drop(call(&service, malformed).await);
    let let_through = [
        "calls_total{error} 1",
        "deadline_expired_total{passed} 1",
        "deadline_malformed_total{} 2",
    ];
    assert_eq!(changes(&metrics, "deadline_server"), let_through);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_unwinds_before_anybody_is_called_is_cancelled() {
    let recorder = DebuggingRecorder::new();
    let metrics = recorder.snapshotter();
    let (inner, watch, _) = noted();
    let layer =
        ::metrics::with_local_recorder(&recorder, || server(DeadlineServerConfig::default()));
    let service = layer
        .trust(|_: &Note| panic!("as it was told"))
        .layer(inner);
    let note = Note::default().with("x-envoy-expected-rq-timeout-ms", "50");
    let called = AssertUnwindSafe(call(&service, note)).catch_unwind();
    assert!(called.await.is_err());
    assert_eq!(watch.calls(), 0);
    let cancelled = ["calls_total{cancelled} 1"];
    assert_eq!(changes(&metrics, "deadline_server"), cancelled);
}

#[tokio::test(start_paused = true)]
async fn the_client_counts_its_refusals_by_whose_time_was_over() {
    let recorder = DebuggingRecorder::new();
    let metrics = recorder.snapshotter();
    let (inner, watch, _) = noted();
    let config = DeadlineClientConfig::default().max(50 * MS);
    let layer = ::metrics::with_local_recorder(&recorder, || client(config));
    let service = layer.layer(inner);

    call(&service, millis("1e3")).await.unwrap();
    let malformed = ["calls_total{ok} 1", "deadline_malformed_total{} 1"];
    assert_eq!(changes(&metrics, "deadline_client"), malformed);
    drop(call(&service, millis(0)).await);
    assert_eq!(changes(&metrics, "deadline_client"), ENDED);

    watch.otherwise(Act::hang());
    drop(call(&service, millis(10)).await);
    assert_eq!(changes(&metrics, "deadline_client"), ENDED);
    drop(call(&service, Note::default()).await);
    let own = ["calls_total{rejected} 1", "rejections_total{timeout} 1"];
    assert_eq!(changes(&metrics, "deadline_client"), own);
}
