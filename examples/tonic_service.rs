//! A tonic service and a tonic client, each behind its stack, over a socket.
//!
//! ```text
//! cargo run --example tonic_service
//! ```
//!
//! The service has four methods: `Echo` answers, `Flaky` fails on its first attempt, `Slow` takes a
//! minute, and `Broken` streams one message and fails in its trailers.

#[path = "tonic_kit/mod.rs"]
mod tonic_kit;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use mainstay::breaker::{BreakerConfig, BreakerLayer};
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::deadline::{
    Deadline, DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer,
};
use mainstay::error;
use mainstay::grpc::{AtTrailers, ByCode, IdempotentMethods, RespondLayer};
use mainstay::http::{Extensions, ReplayBody, ReplayBodyLayer, UntilBodyEnd};
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::trace::{TraceClientLayer, TraceContext, TraceServerLayer};
use tokio::time::{Instant, sleep};
use tonic::Status;
use tonic::body::Body;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tower::{BoxError, Service, ServiceBuilder};

use tonic_kit::{Kit, KitClient, answered, many, one, read};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = serve()?;
    let breaker = BreakerLayer::grpc("kit", BreakerConfig::default().volume_min(5))?;
    let circuit = breaker.handle();
    let mut client = client(address, breaker)?;

    let echo = client.unary("/kit.Kit/Echo", "hello".into()).await?;
    println!("Echo:   {}", echo.escape_ascii());

    let flaky = client.unary("/kit.Kit/Flaky", Bytes::new()).await?;
    println!("Flaky:  {}", flaky.escape_ascii());

    // The deadline goes with the call; the service is cut when it passes, and so is the wait for it.
    let began = Instant::now();
    let call = client.unary("/kit.Kit/Slow", Bytes::new());
    let deadline = Deadline::within(Duration::from_millis(100));
    let status = deadline.scope(call).await.err().ok_or("it was not cut")?;
    println!("Slow:   {:?} after {:.0?}", status.code(), began.elapsed());

    // Each stream begins well, and fails at its end: that is when the breaker hears of it.
    while let Ok(mut stream) = client.stream("/kit.Kit/Broken", Bytes::new()).await {
        while let Some(Ok(_)) = stream.next().await {}
    }
    println!("Broken: the circuit is {:?}", circuit.state());
    let refused = client.unary("/kit.Kit/Echo", Bytes::new()).await;
    let status = refused.err().ok_or("it was not refused")?;
    println!("Echo:   {:?}, {}", status.code(), status.message());
    Ok(())
}

/// The server, outermost layer first.
fn serve() -> Result<SocketAddr, BoxError> {
    let limit = TimeoutConfig::default().limit(Duration::from_secs(10));
    let stack = ServiceBuilder::new()
        .layer(RespondLayer::new()) // a refusal becomes a status
        .layer(TraceServerLayer::new("kit"))
        .layer(DeadlineServerLayer::grpc(
            "kit",
            DeadlineServerConfig::default(),
        )?)
        .layer(BulkheadLayer::grpc("kit", BulkheadConfig::default())?.hold(UntilBodyEnd))
        .layer(TimeoutLayer::grpc("kit", limit)?)
        .layer(error::layer()) // tonic's services fail with `Infallible`
        .into_inner();

    let kit = Kit::new(|method, request| async move {
        let attempts = request.metadata().get("grpc-previous-rpc-attempts");
        let trace = TraceContext::current().map(|context| context.trace_id());
        match method.as_str() {
            "Echo" => Ok(one(request.into_inner())),
            "Flaky" if attempts.is_none() => Err(Status::unavailable("on the first attempt")),
            "Flaky" => Ok(one(format!("on the second attempt, trace {trace:?}"))),
            "Slow" => {
                sleep(Duration::from_secs(60)).await;
                Ok(one("at last"))
            }
            "Broken" => {
                let failed = Status::unavailable("in the trailers");
                Ok(many([Ok(Bytes::from("a message")), Err(failed)]))
            }
            _ => Err(Status::unimplemented("there is no such method")),
        }
    });

    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    let address = incoming.local_addr()?;
    let server = Server::builder().layer(stack).add_service(kit);
    tokio::spawn(server.serve_with_incoming(incoming));
    Ok(address)
}

/// The client, outermost layer first.
fn client(
    address: SocketAddr,
    breaker: BreakerLayer<ByCode, Extensions, AtTrailers>,
) -> Result<
    KitClient<
        impl Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    >,
    BoxError,
> {
    let repeated = IdempotentMethods::new(["/kit.Kit/Echo", "/kit.Kit/Flaky"])?;
    let limit = TimeoutConfig::default().limit(Duration::from_secs(1));
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect_lazy();
    let stack = ServiceBuilder::new()
        .map_response(read) // so does one that ends a stream
        .layer(RespondLayer::new()) // a refusal becomes a status, which tonic reads
        .layer(BulkheadLayer::grpc("kit", BulkheadConfig::default())?.hold(UntilBodyEnd))
        .layer(ReplayBodyLayer::new()) // requests can be sent again
        .layer(RetryLayer::grpc("kit", RetryConfig::default())?.replay(repeated))
        .layer(breaker)
        .layer(TimeoutLayer::grpc("kit", limit)?)
        .layer(TraceClientLayer::new("kit"))
        .layer(DeadlineClientLayer::grpc(
            "kit",
            DeadlineClientConfig::default(),
        )?)
        .map_result(answered) // what the channel fails with is a status too
        .layer(error::layer())
        .map_request(|request: http::Request<ReplayBody<Body>>| request.map(Body::new))
        .service(channel);
    Ok(KitClient::new(stack))
}
