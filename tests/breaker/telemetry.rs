//! What a breaker tells of itself.

use futures::FutureExt as _;
use mainstay::breaker::BreakerLayer;
use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use super::*;

/// The values so far, by metric and labels; a snapshot gives what was added since the one before.
struct Recorded {
    snapshotter: Snapshotter,
    values: RefCell<HashMap<String, i64>>,
}

impl Recorded {
    /// The value of the metric whose labels, besides `layer` and `name`, are these.
    fn value(&self, metric: &str, label: Option<(&str, &str)>) -> i64 {
        let mut values = self.values.borrow_mut();
        for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
            *values.entry(key.key().to_string()).or_default() += match value {
                DebugValue::Counter(count) => i64::try_from(count).expect("few"),
                #[expect(clippy::cast_possible_truncation, reason = "whole and few")]
                DebugValue::Gauge(value) => value.into_inner() as i64,
                DebugValue::Histogram(_) => panic!("a histogram"),
            };
        }
        let common = [("layer", "breaker"), ("name", "upstream")];
        let labels: Vec<_> = common.into_iter().chain(label).collect();
        let text = |(key, value): &(&str, &str)| {
            metrics::Label::new((*key).to_owned(), (*value).to_owned())
        };
        let labels: Vec<_> = labels.iter().map(text).collect();
        let key = metrics::Key::from_parts(metric.to_owned(), labels);
        *values.get(&key.to_string()).expect("registered")
    }

    fn states(&self) -> [i64; 5] {
        ["closed", "open", "half_open", "forced_open", "disabled"]
            .map(|state| self.value("mainstay_breaker_state", Some(("state", state))))
    }

    fn transitions(&self, to: &str) -> i64 {
        self.value("mainstay_breaker_transitions_total", Some(("to", to)))
    }

    fn calls(&self, outcome: &str) -> i64 {
        self.value("mainstay_calls_total", Some(("outcome", outcome)))
    }
}

fn recorded(config: BreakerConfig) -> (Guarded, BreakerHandle, Recorded) {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let layer = metrics::with_local_recorder(&recorder, || BreakerLayer::new("upstream", config));
    let layer = layer.unwrap();
    (
        layer.layer(Upstream),
        layer.handle(),
        Recorded {
            snapshotter,
            values: RefCell::default(),
        },
    )
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_is_counted_once_wherever_it_does() {
    let (service, _handle, recorded) = recorded(config());
    for (panics, what) in [(1, Do::Panic), (2, Do::PanicInCall)] {
        let call = AssertUnwindSafe(call(&service, what));
        assert!(call.catch_unwind().await.is_err());
        assert_eq!(recorded.calls("cancelled"), panics, "{what:?}");
    }
    let of_others = ["ok", "error", "rejected"].map(|outcome| recorded.calls(outcome));
    assert_eq!(of_others, [0; 3]);
}

#[tokio::test(start_paused = true)]
async fn exactly_one_state_is_one_and_each_change_is_counted_once() {
    let (service, handle, recorded) = recorded(config());
    assert_eq!(recorded.states(), [1, 0, 0, 0, 0]);
    calls(&service, 20, Do::Fail).await;
    assert_eq!(recorded.states(), [0, 1, 0, 0, 0]);
    advance(5 * SECOND).await;
    calls(&service, 1, Do::Ok).await;
    assert_eq!(recorded.states(), [0, 0, 1, 0, 0]);
    calls(&service, 2, Do::Ok).await;
    handle.force_open();
    assert_eq!(recorded.states(), [0, 0, 0, 1, 0]);
    handle.disable();
    assert_eq!(recorded.states(), [0, 0, 0, 0, 1]);
    handle.reset();
    handle.reset();
    assert_eq!(recorded.states(), [1, 0, 0, 0, 0]);
    for (to, times) in [
        ("open", 1),
        ("half_open", 1),
        ("closed", 3),
        ("forced_open", 1),
        ("disabled", 1),
    ] {
        assert_eq!(recorded.transitions(to), times, "{to}");
    }
    drop((service, handle));
    assert_eq!(recorded.states(), [0; 5]);
}

#[tokio::test(start_paused = true)]
async fn every_call_is_counted_once_by_its_end() {
    let (service, handle, recorded) = recorded(config());
    calls(&service, 3, Do::Ok).await;
    calls(&service, 2, Do::Fail).await;
    drop(service.clone().ready().await.unwrap().call(Do::Ok));
    let hung = begin(&service, Do::Hang).await;
    hung.abort();
    assert!(hung.await.unwrap_err().is_cancelled());
    handle.force_open();
    calls(&service, 4, Do::Ok).await;
    let ends = ["ok", "error", "rejected", "cancelled"].map(|end| recorded.calls(end));
    assert_eq!(ends, [3, 2, 4, 2]);
    let open = Some(("kind", "circuit_open"));
    assert_eq!(recorded.value("mainstay_rejections_total", open), 4);
}

#[tokio::test(start_paused = true)]
async fn probes_in_flight_return_to_zero_and_stale_results_are_counted() {
    let (service, handle, recorded) = recorded(config());
    handle.open_for(SECOND);
    advance(SECOND).await;
    let probes = || recorded.value("mainstay_breaker_probes_in_flight", None);
    let late = begin(&service, Do::Take(40 * SECOND)).await;
    let dropped = begin(&service, Do::Hang).await;
    assert_eq!(probes(), 2);
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    assert_eq!(probes(), 1);
    assert!(late.await.unwrap().is_ok());
    assert_eq!(probes(), 0);
    assert_eq!(recorded.value("mainstay_breaker_stale_total", None), 1);
}

#[test]
fn after_a_storm_on_four_threads_the_gauges_and_the_calls_add_up() {
    let quick = config()
        .volume_min(1)
        .open_base(Duration::from_nanos(1))
        .open_max(Duration::from_micros(1));
    let (service, handle, recorded) = recorded(quick.clone());
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (service, handle, quick) = (service.clone(), handle.clone(), quick.clone());
            scope.spawn(move || {
                for nth in 0..2_000_u64 {
                    match nth.wrapping_mul(7).wrapping_add(thread) % 97 {
                        0 => handle.force_open(),
                        1 => handle.disable(),
                        2 => handle.open_for(Duration::ZERO),
                        3 => handle.reconfigure(quick.clone()).unwrap(),
                        4..8 => handle.reset(),
                        8..30 => drop(
                            service
                                .clone()
                                .ready()
                                .now_or_never()
                                .map(|ready| ready.map(|service| service.call(Do::Hang))),
                        ),
                        end if end % 3 == 0 => {
                            let _ = call(&service, Do::Fail).now_or_never().expect("at once");
                        }
                        _ => {
                            let _ = call(&service, Do::Ok).now_or_never().expect("at once");
                        }
                    }
                }
            });
        }
    });
    let states = recorded.states();
    assert_eq!(states.iter().sum::<i64>(), 1, "{states:?}");
    assert!(
        states.iter().all(|state| (0..=1).contains(state)),
        "{states:?}"
    );
    assert_eq!(recorded.value("mainstay_breaker_probes_in_flight", None), 0);
    let stale = recorded.value("mainstay_breaker_stale_total", None);
    assert_eq!(u64::try_from(stale), Ok(handle.snapshot().stale()));
    assert_eq!(handle.snapshot().probes_in_flight(), 0);
}
