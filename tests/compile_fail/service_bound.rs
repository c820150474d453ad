//! A function with a `Service` bound: the message names the line to add.

use std::convert::Infallible;

use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use tower::{Service, ServiceBuilder};

fn serve<S: Service<u32>>(_service: S) {}

fn main() {
    let timeout = TimeoutLayer::new("api", TimeoutConfig::default()).unwrap();

    serve(
        ServiceBuilder::new()
            .layer(timeout)
            .service_fn(|request: u32| async move { Ok::<_, Infallible>(request) }),
    );
}
