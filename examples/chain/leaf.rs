//! The innermost service: gRPC in. It fails once, and then takes 60 s.

use std::net::SocketAddr;
use std::time::Duration;

use mainstay::deadline::{DeadlineServerConfig, DeadlineServerLayer};
use mainstay::error;
use mainstay::grpc::RespondLayer;
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::trace::TraceServerLayer;
use tokio::time::sleep;
use tonic::Status;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower::{BoxError, ServiceBuilder};

use super::hop::Journal;
use super::tonic_kit::{Kit, one};

pub(crate) fn serve(journal: Journal) -> Result<SocketAddr, BoxError> {
    // Its own limit is longer than what the caller waits: it is the deadline that cuts it.
    let limit = TimeoutConfig::default().limit(Duration::from_secs(2));
    let stack = ServiceBuilder::new()
        .layer(RespondLayer::new())
        .layer(TraceServerLayer::new("leaf"))
        .layer(DeadlineServerLayer::grpc(
            "leaf",
            DeadlineServerConfig::default(),
        )?)
        .layer(TimeoutLayer::grpc("leaf", limit)?)
        .layer(error::layer())
        .into_inner();

    let kit = Kit::new(move |_, request| {
        let before = request.metadata().get("grpc-previous-rpc-attempts");
        let before = before.and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        let journal = journal.clone();
        async move {
            let _hop = journal.begin("leaf", before.unwrap_or(0) + 1);
            if before.is_none() {
                sleep(Duration::from_millis(20)).await;
                return Err(Status::unavailable("for a moment"));
            }
            sleep(Duration::from_secs(60)).await;
            Ok(one("at last"))
        }
    });

    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    let address = incoming.local_addr()?;
    let server = Server::builder().layer(stack).add_service(kit);
    tokio::spawn(server.serve_with_incoming(incoming));
    Ok(address)
}
