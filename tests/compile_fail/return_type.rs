//! What `docs/troubleshooting.md` advises where a method call says too little: a stack whose type is
//! said, here by what a function returns, is explained.

use std::convert::Infallible;

use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use tower::{Service, ServiceBuilder};

fn stack() -> impl Service<u32, Response = u32> {
    let timeout = TimeoutLayer::new("api", TimeoutConfig::default()).unwrap();
    ServiceBuilder::new()
        .layer(timeout)
        .service_fn(|request: u32| async move { Ok::<_, Infallible>(request) })
}

fn main() {
    let _ = stack();
}
