//! `Router::layer` asks for a `Service`: the message names the line to add.

use axum::Router;
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};

fn main() {
    let timeout = TimeoutLayer::new("api", TimeoutConfig::default()).unwrap();

    let _: Router = Router::new().layer(timeout);
}
