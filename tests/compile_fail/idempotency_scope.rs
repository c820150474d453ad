//! A layer that was not told whose its keys are makes no service: the message names the line to add.

use mainstay::idempotency::{
    ByMessageId, DoneOnly, IdempotencyConfig, IdempotencyLayer, MemoryStore, MemoryStoreConfig,
};
use tower::{BoxError, Layer, ServiceBuilder};

fn main() {
    let keys = ByMessageId::new(|id: &u32| Some(id.to_be_bytes()));
    let store = MemoryStore::new(MemoryStoreConfig::default()).unwrap();
    let config = IdempotencyConfig::default();
    let once = IdempotencyLayer::new("charges", config, keys, DoneOnly::new(), store).unwrap();
    let inner = tower::service_fn(|_: u32| async { Ok::<_, BoxError>(()) });
    let _ = once.layer(inner.clone());
    let _ = ServiceBuilder::new().layer(once.clone()).service(inner);
    layered(once);
}

/// As what takes a layer asks for one.
fn layered(_: impl Layer<()>) {
}
