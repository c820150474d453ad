//! What the store says of itself.

use std::collections::BTreeMap;

use mainstay::idempotency::{MemoryStore, MemoryStoreConfig, Store};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use crate::kit::{KEY, LEASE, RETENTION, claim, done};

/// What the gauges stand at. A snapshot gives what was added since the last.
struct Gauges {
    snapshotter: Snapshotter,
    stand: BTreeMap<String, f64>,
}

impl Gauges {
    fn read(&mut self) -> Vec<(&str, f64)> {
        for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
            let labels = key.key().labels();
            let labels: Vec<_> = labels.map(metrics::Label::value).collect();
            assert_eq!(labels, ["idempotency", "payments"]);
            let DebugValue::Gauge(value) = value else {
                panic!("{key:?} is no gauge");
            };
            let stand = self.stand.entry(key.key().name().to_owned());
            *stand.or_default() += value.into_inner();
        }
        let stand = self.stand.iter();
        stand.map(|(metric, value)| (&**metric, *value)).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "small")]
fn expected(keys: usize, bytes: usize) -> Vec<(&'static str, f64)> {
    vec![
        ("mainstay_idempotency_store_bytes", bytes as f64),
        ("mainstay_idempotency_store_records", keys as f64),
    ]
}

#[test]
fn gauges_follow_what_is_held_and_return_to_zero() {
    let recorder = DebuggingRecorder::new();
    let mut gauges = Gauges {
        snapshotter: recorder.snapshotter(),
        stand: BTreeMap::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let config = MemoryStoreConfig::default().name("payments");
            let store = MemoryStore::new(config.records(100).bytes(10 * KEY + 100)).unwrap();
            for number in 0..3 {
                done(&store, number, 30).await;
            }
            assert_eq!(gauges.read(), expected(3, 3 * KEY + 90));
            // Two records are demoted for this one.
            done(&store, 3, 6 * KEY + 70).await;
            assert_eq!(gauges.read(), expected(4, 10 * KEY + 100));
            store.purge(&claim(3, 0).key).await.unwrap();
            store.claim(&claim(9, 1)).await.unwrap();
            store.release(&claim(9, 1)).await.unwrap();
            assert_eq!(gauges.read(), expected(3, 3 * KEY + 30));
            tokio::time::advance(LEASE + RETENTION).await;
            assert_eq!(store.snapshot().records(), 0);
            assert_eq!(gauges.read(), expected(0, 0));
            done(&store, 5, 30).await;
            let twin = store.clone();
            drop(store);
            assert_eq!(gauges.read(), expected(1, KEY + 30));
            drop(twin);
            assert_eq!(gauges.read(), expected(0, 0));
        });
    });
}
