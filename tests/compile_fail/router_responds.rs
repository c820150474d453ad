//! With the error layer but nothing outermost that answers refusals, `Router::layer` asks for what its
//! handlers have: an error that cannot be.

use axum::Router;
use mainstay::error;
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use tower::ServiceBuilder;

fn main() {
    let timeout = TimeoutLayer::new("api", TimeoutConfig::default()).unwrap();

    let _: Router = Router::new().layer(ServiceBuilder::new().layer(timeout).layer(error::layer()));
}
