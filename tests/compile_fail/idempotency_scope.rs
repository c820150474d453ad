//! A layer that was not told whose its keys are makes no service: the message names the line to add.

use mainstay::idempotency::{
    ByMessageId, DoneOnly, IdempotencyConfig, IdempotencyLayer, MemoryStore, MemoryStoreConfig,
};
use tower::{BoxError, ServiceBuilder};

fn main() {
    let keys = ByMessageId::new(|id: &u32| Some(id.to_be_bytes()));
    let store = MemoryStore::new(MemoryStoreConfig::default()).unwrap();
    let config = IdempotencyConfig::default();
    let once = IdempotencyLayer::new("charges", config, keys, DoneOnly::new(), store).unwrap();
    let _ = ServiceBuilder::new()
        .layer(once)
        .service_fn(|_: u32| async { Ok::<_, BoxError>(()) });
}
