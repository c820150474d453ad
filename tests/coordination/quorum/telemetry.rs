//! Attempts are counted once, by how they ended; and who waits, while they wait.

use mainstay::coordination::LeaseStore;
use mainstay::test_util::Stepper;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::time::sleep;
use tower::ServiceExt;

use super::kit::*;

/// What has changed since the last look, as `name{outcome} by`.
fn changes(metrics: &Snapshotter) -> Vec<String> {
    let snapshot = metrics.snapshot().into_vec().into_iter();
    let mut changes: Vec<_> = snapshot
        .filter_map(|(key, _, _, value)| {
            let key = key.key();
            let label = |name| {
                let mut labels = key.labels();
                labels
                    .find(|label| label.key() == name)
                    .map(::metrics::Label::value)
            };
            assert_eq!(label("name"), Some(RESOURCE));
            let name = key.name().trim_start_matches("mainstay_");
            match (label("outcome"), value) {
                (_, DebugValue::Counter(0)) => None,
                (Some(outcome), DebugValue::Counter(by)) => {
                    Some(format!("{name}{{{outcome}}} {by}"))
                }
                (None, DebugValue::Counter(by)) => Some(format!("{name} {by}")),
                (_, DebugValue::Gauge(by)) if *by == 0.0 => None,
                (_, DebugValue::Gauge(by)) => Some(format!("{name} {by}")),
                (_, DebugValue::Histogram(_)) => Some(name.to_owned()),
            }
        })
        .collect();
    changes.sort();
    changes
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_counted_once_by_how_it_ended() {
    let recorder = DebuggingRecorder::new();
    let metrics = recorder.snapshotter();
    let net = Net::new(3);
    let (mut two, _) = net.node(2);
    let (mut one, lines) = ::metrics::with_local_recorder(&recorder, || net.node(1));
    one.acquire(None).await.unwrap();
    settle().await;
    assert_eq!(changes(&metrics), ["lease_attempts_total{elected} 1"]);
    one.renew().await.unwrap();
    assert_eq!(changes(&metrics), ["lease_attempts_total{renewed} 1"]);
    one.release().await;
    assert_eq!(changes(&metrics), [""; 0]);
    while two.acquire(None).await.is_err() {}
    settle().await;
    while one.acquire(None).await.is_ok() {}
    let taken = changes(&metrics);
    assert!(
        taken.contains(&"lease_attempts_total{taken} 1".to_owned()),
        "{taken:?}"
    );
    sleep(2 * TTL).await;
    lines[0].set(Way::Fails);
    let asked = lines[0].count();
    one.acquire(None).await.unwrap();
    settle().await;
    let failed = lines[0].count() - asked;
    assert_eq!(
        changes(&metrics),
        [
            "lease_attempts_total{elected} 1".to_owned(),
            format!("lease_transport_errors_total {failed}"),
        ]
    );
    lines[0].set(Way::Hangs);
    lines[1].set(Way::Hangs);
    let mut dropped = Stepper::new(one.renew());
    assert!(dropped.step().is_pending());
    drop(dropped);
    assert_eq!(changes(&metrics), ["lease_attempts_total{cancelled} 1"]);
    assert!(one.renew().await.is_err());
    assert_eq!(changes(&metrics), ["lease_attempts_total{failed} 1"]);
}

#[tokio::test(start_paused = true)]
async fn the_gauge_of_those_who_wait_returns_to_zero() {
    let recorder = DebuggingRecorder::new();
    let metrics = recorder.snapshotter();
    let acceptor = ::metrics::with_local_recorder(&recorder, || acceptor(1));
    granted(&acceptor, 7, 1).await;
    let mut waits: Vec<_> = (0..3)
        .map(|_| Stepper::new(acceptor.clone().oneshot(wait(TTL))))
        .collect();
    assert!(waits.iter_mut().all(|wait| wait.step().is_pending()));
    assert_eq!(changes(&metrics), ["acceptor_waits 3"]);
    // A look sees what has changed since the last.
    drop(waits.pop());
    assert_eq!(changes(&metrics), ["acceptor_waits -1"]);
    for wait in waits {
        wait.finish().await.unwrap();
    }
    assert_eq!(changes(&metrics), ["acceptor_waits -2"]);
}
