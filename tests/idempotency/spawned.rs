//! Calls in tasks of their callers: over `BoxError` too they are `Send`, as far as the compiler can see.

use mainstay::idempotency::{
    ByMessageId, DoneOnly, IdempotencyConfig, IdempotencyLayer, MemoryStore, MemoryStoreConfig,
};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer, Service, ServiceExt};

/// A service whose type the compiler sees through.
macro_rules! concrete {
    () => {{
        let store = MemoryStore::new(MemoryStoreConfig::default()).unwrap();
        let id = ByMessageId::new(|id: &u8| Some([*id]));
        let done = DoneOnly::new().response(|| 0);
        let layer = IdempotencyLayer::new("m", IdempotencyConfig::default(), id, done, store);
        layer
            .unwrap()
            .single_tenant()
            .layer(tower::service_fn(async |id: u8| Ok::<u8, BoxError>(id)))
    }};
}
/// The same, and the compiler does not look into it.
fn service() -> impl Service<u8, Response = u8, Error = BoxError, Future: Send> + Clone + Send + Sync
{
    concrete!()
}

/// `docs/troubleshooting.md` says these.
#[tokio::test(start_paused = true)]
async fn a_call_over_box_error_can_be_spawned() {
    // In a block, with its readiness.
    let mut readied = concrete!();
    let task = tokio::spawn(async move { readied.ready().await?.call(7).await });
    assert_eq!(task.await.unwrap().unwrap(), 7);
    // As it is.
    assert_eq!(
        tokio::spawn(concrete!().oneshot(7)).await.unwrap().unwrap(),
        7
    );
    // By a type that does not show what is within.
    let named = service();
    let task = tokio::spawn(async move { named.oneshot(7).await });
    assert_eq!(task.await.unwrap().unwrap(), 7);
    let boxed = BoxCloneSyncService::new(concrete!());
    let task = tokio::spawn(async move { boxed.oneshot(7).await });
    assert_eq!(task.await.unwrap().unwrap(), 7);
}
