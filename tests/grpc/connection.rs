//! A connection of tonic's within the process, so that a paused clock moves both of its ends.

use std::convert::Infallible;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tonic::transport::{Channel, Endpoint};

/// Both ends of one connection within the process: a channel, and what a server is to take for its
/// incoming connections.
pub(crate) fn connection() -> (
    Channel,
    BoxStream<'static, Result<DuplexStream, Infallible>>,
) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let mut near = Some(TokioIo::new(near));
    let connect = tower::service_fn(move |_: http::Uri| {
        let near = near.take().ok_or(std::io::ErrorKind::ConnectionRefused);
        async move { near.map_err(std::io::Error::from) }
    });
    let channel = Endpoint::from_static("http://kit").connect_with_connector_lazy(connect);
    let incoming = stream::once(async { Ok(far) }).chain(stream::pending());
    (channel, incoming.boxed())
}
