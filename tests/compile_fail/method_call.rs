//! A method call gives E0599, where `on_unimplemented` has no say. The line that declares the service
//! is quoted, and a comment there names the cause; for `call` not even that.

use std::convert::Infallible;

use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use tower::{Service, ServiceBuilder, ServiceExt};

async fn request() {
    let timeout = TimeoutLayer::new("api", TimeoutConfig::default()).unwrap();
    let mut service = ServiceBuilder::new()
        .layer(timeout)
        .service_fn(|request: u32| async move { Ok::<_, Infallible>(request) });

    let _ = service.ready().await;
    let _ = service.call(1).await;
}

fn main() {
    let _ = request();
}
