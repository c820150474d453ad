//! What the store says of itself.

use mainstay::idempotency::{MemoryStore, MemoryStoreConfig, Store};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use crate::kit::{KEY, LEASE, RETENTION, claim, done};

fn gauges(snapshotter: &Snapshotter) -> Vec<(String, String, u64)> {
    let mut seen = Vec::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let labels = key.key().labels();
        let labels: Vec<_> = labels.map(|label| label.value().to_owned()).collect();
        let DebugValue::Gauge(value) = value else {
            panic!("{key:?} is no gauge");
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small"
        )]
        let value = value.into_inner() as u64;
        seen.push((key.key().name().to_owned(), labels.join(" "), value));
    }
    seen.sort();
    seen
}

fn expected(keys: u64, bytes: u64) -> Vec<(String, String, u64)> {
    let labels = "idempotency payments".to_owned();
    let gauge = |metric: &str, value| (metric.to_owned(), labels.clone(), value);
    vec![
        gauge("mainstay_idempotency_store_bytes", bytes),
        gauge("mainstay_idempotency_store_records", keys),
    ]
}

#[test]
fn gauges_follow_what_is_held_and_return_to_zero() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let key = KEY as u64;
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
            assert_eq!(gauges(&snapshotter), expected(3, 3 * key + 90));
            // Two records are demoted for this one.
            done(&store, 3, 6 * KEY + 70).await;
            assert_eq!(gauges(&snapshotter), expected(4, 10 * key + 100));
            store.purge(&claim(3, 0).key).await.unwrap();
            store.claim(&claim(9, 1)).await.unwrap();
            store.release(&claim(9, 1)).await.unwrap();
            assert_eq!(gauges(&snapshotter), expected(3, 3 * key + 30));
            tokio::time::advance(LEASE + RETENTION).await;
            assert_eq!(store.snapshot().records(), 0);
            assert_eq!(gauges(&snapshotter), expected(0, 0));
            done(&store, 5, 30).await;
            let twin = store.clone();
            drop(store);
            assert_eq!(gauges(&snapshotter), expected(1, key + 30));
            drop(twin);
            assert_eq!(gauges(&snapshotter), expected(0, 0));
        });
    });
}
