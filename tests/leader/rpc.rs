//! A server of tonic with the layer, over one connection within the process.

use bytes::Bytes;
use mainstay::coordination::{
    FencingToken, LeaderConfig, LeaderLayer, ManualSeat, NodeId, TokioClock,
};
use mainstay::error;
use mainstay::grpc::RespondLayer;
use tokio::time::sleep;
use tonic::transport::{Channel, Server};
use tonic::{Code, Status};

use super::MS;
use super::connection::connection;
use super::kit::{timing, token};
use super::tonic_kit::{Kit, KitClient, one};

/// A service that says its term, after so many milliseconds as its method is called by.
fn serve(seat: &ManualSeat) -> KitClient<Channel> {
    let (channel, incoming) = connection();
    let kit = Kit::new(async |method: String, request: tonic::Request<Bytes>| {
        let millis = method
            .parse()
            .map_err(|_| Status::unimplemented("no number"))?;
        sleep(MS * millis).await;
        let term = request.extensions().get::<FencingToken>().copied();
        Ok(one(format!(
            "{term:?} {:?}",
            request.metadata().get("fencing-token")
        )))
    });
    let leader = LeaderLayer::new("orders", seat.clone(), LeaderConfig::default()).unwrap();
    let server = Server::builder()
        .layer(RespondLayer::new())
        .layer(leader)
        .layer(error::layer())
        .add_service(kit);
    tokio::spawn(server.serve_with_incoming(incoming));
    KitClient::new(channel)
}

#[tokio::test(start_paused = true)]
async fn a_follower_is_unavailable_and_names_the_leader_and_a_leader_serves_until_its_term_ends() {
    let seat = ManualSeat::new(timing(), TokioClock::new());
    let mut client = serve(&seat);
    seat.follow(Some(NodeId(3)));
    let status = client.unary("/kit.Kit/0", Bytes::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.metadata().get("leader-node").unwrap(), "3");

    seat.lead(token(5));
    let reply = client.unary("/kit.Kit/10", Bytes::new()).await.unwrap();
    assert_eq!(reply, r#"Some(FencingToken(5)) Some("5")"#);

    let status = client
        .unary("/kit.Kit/5000", Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    assert_eq!(
        status.message(),
        "The node that ran the request does not lead any more."
    );
}
