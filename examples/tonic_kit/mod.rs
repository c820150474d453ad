//! tonic without a `.proto` file: messages are bytes, and what a generated client and server would hold
//! is written by hand.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{Service, StdError, http};
use tonic::server::NamedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

/// Messages as they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// What a method answers: for one that is not streaming, a stream of one.
pub(crate) type Replies = BoxStream<'static, Result<Bytes, Status>>;

pub(crate) fn one(reply: impl Into<Bytes>) -> Response<Replies> {
    many([Ok(reply.into())])
}

pub(crate) fn many<I>(replies: I) -> Response<Replies>
where
    I: IntoIterator<Item = Result<Bytes, Status>, IntoIter: Send + 'static>,
{
    Response::new(stream::iter(replies).boxed())
}

pub(crate) type Answer = BoxFuture<'static, Result<Response<Replies>, Status>>;

/// The methods of the service `kit.Kit`, by name.
#[derive(Clone)]
pub(crate) struct Kit(Arc<dyn Fn(String, Request<Bytes>) -> Answer + Send + Sync>);

impl Kit {
    /// `answer` gets the method's name and the request.
    pub(crate) fn new<A>(
        answer: impl Fn(String, Request<Bytes>) -> A + Send + Sync + 'static,
    ) -> Self
    where
        A: Future<Output = Result<Response<Replies>, Status>> + Send + 'static,
    {
        Self(Arc::new(move |method, request| {
            Box::pin(answer(method, request))
        }))
    }
}

impl NamedService for Kit {
    const NAME: &'static str = "kit.Kit";
}

impl Service<http::Request<Body>> for Kit {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = Arc::clone(&self.0);
        let path = request.uri().path();
        let method = path.rsplit('/').next().unwrap_or(path).to_owned();
        Box::pin(async move {
            let service = tower::service_fn(move |request| answer(method.clone(), request));
            let mut grpc = tonic::server::Grpc::new(BytesCodec);
            Ok(grpc.server_streaming(service, request).await)
        })
    }
}

/// Calls `kit.Kit` over any service that carries gRPC.
#[derive(Clone, Debug)]
pub(crate) struct KitClient<S> {
    inner: Grpc<S>,
}

impl<S> KitClient<S>
where
    S: GrpcService<Body>,
    S::ResponseBody: tonic::codegen::Body<Data = Bytes> + Send + 'static,
    <S::ResponseBody as tonic::codegen::Body>::Error: Into<StdError> + Send,
{
    pub(crate) fn new(service: S) -> Self {
        Self {
            inner: Grpc::new(service),
        }
    }

    /// One message for one message. The path is `/kit.Kit/` and the method's name.
    pub(crate) async fn unary(
        &mut self,
        path: &'static str,
        message: Bytes,
    ) -> Result<Bytes, Status> {
        let path = http::uri::PathAndQuery::from_static(path);
        self.ready().await?;
        let request = Request::new(message);
        let response = self.inner.unary(request, path, BytesCodec).await?;
        Ok(response.into_inner())
    }

    /// One message for many.
    pub(crate) async fn stream(
        &mut self,
        path: &'static str,
        message: Bytes,
    ) -> Result<Streaming<Bytes>, Status> {
        let path = http::uri::PathAndQuery::from_static(path);
        self.ready().await?;
        let request = Request::new(message);
        let response = self
            .inner
            .server_streaming(request, path, BytesCodec)
            .await?;
        Ok(response.into_inner())
    }

    async fn ready(&mut self) -> Result<(), Status> {
        let ready = self.inner.ready().await;
        ready.map_err(|error| Status::from_error(error.into()))
    }
}

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
