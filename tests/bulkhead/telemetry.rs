//! What the bulkhead counts and shows.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mainstay::Deadline;
use mainstay::bulkhead::BulkheadLayer;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::time::{Instant, advance};
use tower::{Layer, Service};

use crate::inner::strict;
use crate::room::{PANICS_IN_CALL, PANICS_IN_FUTURE, Room, SECOND, config, is_pending, poll};

/// A room, and what its bulkhead has recorded so far.
struct Recorded {
    layer: BulkheadLayer,
    room: Room,
    snapshotter: Snapshotter,
    figures: BTreeMap<String, f64>,
}

impl Recorded {
    fn new(concurrency: u32, queue: u32) -> Self {
        let recorder = DebuggingRecorder::new();
        let layer = metrics::with_local_recorder(&recorder, || {
            BulkheadLayer::new("desk", config(concurrency, queue)).unwrap()
        });
        Self {
            room: Room::over(layer.clone()),
            layer,
            snapshotter: recorder.snapshotter(),
            figures: BTreeMap::new(),
        }
    }

    /// Every figure that is not zero, by its name and its own label.
    fn assert_shows(&mut self, expected: &[(&str, f64)]) {
        // A snapshot gives what came since the one before, gauges included.
        for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
            let mut name = key.key().name().replace("mainstay_", "");
            for label in key.key().labels() {
                match label.key() {
                    "layer" => assert_eq!(label.value(), "bulkhead"),
                    "name" => assert_eq!(label.value(), "desk"),
                    _ => name = format!("{name} {}", label.value()),
                }
            }
            *self.figures.entry(name).or_default() += match value {
                DebugValue::Counter(count) => f64::from(u32::try_from(count).unwrap()),
                DebugValue::Gauge(value) => value.0,
                DebugValue::Histogram(values) => values.iter().map(|value| value.0).sum(),
            };
        }
        self.figures.retain(|_, value| *value != 0.0);
        let shown = self
            .figures
            .iter()
            .map(|(name, value)| (name.as_str(), *value));
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_run_wait_and_are_refused_are_shown_and_counted() {
    let mut recorded = Recorded::new(1, 2);
    let room = &mut recorded.room;
    let (answer, mut running) = room.call();
    let (failure, mut waits) = room.call();
    let (_, mut late) = room.call();
    let _full = room.call();
    assert!(is_pending(&mut running) && is_pending(&mut waits) && is_pending(&mut late));
    recorded.assert_shows(&[
        ("bulkhead_in_flight", 1.0),
        ("bulkhead_waiting", 2.0),
        ("calls_total rejected", 1.0),
        ("rejections_total bulkhead_full", 1.0),
    ]);

    advance(SECOND / 4).await;
    answer.send(Ok(0)).unwrap();
    assert!(poll(&mut running).is_ready());
    assert!(is_pending(&mut waits));
    recorded.assert_shows(&[
        ("bulkhead_in_flight", 1.0),
        ("bulkhead_wait_seconds", 0.25),
        ("bulkhead_waiting", 1.0),
        ("calls_total ok", 1.0),
        ("calls_total rejected", 1.0),
        ("rejections_total bulkhead_full", 1.0),
    ]);

    advance(SECOND * 3 / 4).await;
    assert!(poll(&mut late).is_ready());
    failure.send(Err("no".into())).unwrap();
    assert!(poll(&mut waits).is_ready());
    recorded.assert_shows(&[
        ("bulkhead_wait_seconds", 1.25),
        ("calls_total error", 1.0),
        ("calls_total ok", 1.0),
        ("calls_total rejected", 2.0),
        ("rejections_total bulkhead_full", 1.0),
        ("rejections_total queue_timeout", 1.0),
    ]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_or_unwinds_is_cancelled_once_and_leaves_no_figure_behind() {
    let mut recorded = Recorded::new(2, 3);
    let room = &mut recorded.room;
    let mut polled = room.call();
    assert!(is_pending(&mut polled.1));
    catch_unwind(AssertUnwindSafe(|| drop(room.call_as(PANICS_IN_CALL)))).unwrap_err();
    let (_, mut panics) = room.call_as(PANICS_IN_FUTURE);
    catch_unwind(AssertUnwindSafe(|| drop(poll(&mut panics)))).unwrap_err();
    let (waits, mut granted, unpolled) = (room.call(), room.call(), room.call());
    assert!(is_pending(&mut granted.1));
    drop(waits);
    drop(panics);
    drop((granted, unpolled, polled));
    recorded.assert_shows(&[("calls_total cancelled", 6.0)]);

    let room = &mut recorded.room;
    drop(room.call_by(Deadline::at(Instant::now())).await);
    recorded.assert_shows(&[
        ("calls_total cancelled", 6.0),
        ("calls_total rejected", 1.0),
        ("rejections_total deadline_exceeded", 1.0),
    ]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_to_become_ready_is_an_error_whenever_it_comes() {
    let mut recorded = Recorded::new(1, 1);
    let inner = strict(1);
    let failures = Arc::clone(&inner.failures);
    let mut service = recorded.layer.layer(inner);
    service.call(()).await.unwrap_err();
    recorded.assert_shows(&[("calls_total error", 1.0)]);

    let (admitted, queued) = (service.call(()), service.call(()));
    failures.store(2, Ordering::Relaxed);
    admitted.await.unwrap_err();
    queued.await.unwrap_err();
    recorded.assert_shows(&[("calls_total error", 3.0)]);
}
