//! The stores that the layer is tested over hold to what a store must.

use mainstay::idempotency::conformance::check;
use mainstay::idempotency::{
    ByMessageId, DoneOnly, IdempotencyConfig, IdempotencyLayer, MemoryStore, MemoryStoreConfig,
};
use tower::{BoxError, Layer, ServiceExt};

use crate::desk::SECOND;
use crate::shelf::Shelf;

#[tokio::test(start_paused = true)]
async fn the_shelf_is_a_store() {
    let report = check(Shelf::default().node(), SECOND).await;
    report.unwrap_or_else(|report| panic!("{report}"));
}

#[tokio::test(start_paused = true)]
async fn the_layer_runs_once_over_the_store_in_memory() {
    let store = MemoryStore::new(MemoryStoreConfig::default()).unwrap();
    let id = ByMessageId::new(|id: &u8| Some([*id]));
    let config = IdempotencyConfig::default();
    let layer = IdempotencyLayer::new("m", config, id, DoneOnly::new().response(|| 0), store);
    let service = layer
        .unwrap()
        .single_tenant()
        .layer(tower::service_fn(async |id: u8| Ok::<u8, BoxError>(id)));
    assert_eq!(service.clone().oneshot(7).await.unwrap(), 7);
    assert_eq!(service.clone().oneshot(7).await.unwrap(), 0);
    assert_eq!(service.oneshot(8).await.unwrap(), 8);
}
