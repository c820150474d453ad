//! `oneshot` over `BoxError` in a spawned block: the compiler forgets that what is in the box is `'static`.

use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use tower::{BoxError, Layer, ServiceExt};

fn main() {
    let timeout = TimeoutLayer::new("db", TimeoutConfig::default()).unwrap();
    let inner = tower::service_fn(|_: u32| async { Ok::<_, BoxError>(()) });
    let service = timeout.layer(inner);
    tokio::spawn(async move { service.oneshot(7).await });
}
