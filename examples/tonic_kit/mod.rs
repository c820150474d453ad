//! tonic without a `.proto` file: messages are bytes, and what a generated client and server would hold
//! is written by hand.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use http_body_util::BodyExt as _;
use mainstay::{Error, Executed, Kind, Rejection, StackError as _};
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::{Code, Request, Response, Status, Streaming, TimeoutExpired};
use tower::BoxError;

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
    <S::ResponseBody as tonic::codegen::Body>::Error: Into<BoxError> + Send,
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

/// Makes a status of what a channel fails with, so that the layers read it as they read any other.
///
/// tonic's channel too ends a call when the time is over that `grpc-timeout` says, and before the
/// layers do. That is the caller's deadline and no failure of the service, so it is refused as one.
pub(crate) fn answered(
    result: Result<http::Response<Body>, Error<tonic::transport::Error>>,
) -> Result<http::Response<Body>, Error<tonic::transport::Error>> {
    let error = match result {
        Err(Error::Inner(error)) => error,
        answer => return answer,
    };
    let mut cause: Option<&dyn StdError> = Some(&error);
    while let Some(error) = cause {
        if error.is::<TimeoutExpired>() {
            let passed =
                Rejection::new(Kind::DeadlineExceeded, Executed::Unknown, "channel".into());
            return Err(passed.into());
        }
        cause = error.source();
    }
    let status = Status::from_error(error.into());
    let status = match status.code() {
        // A connection that broke, which gRPC calls `UNAVAILABLE`.
        Code::Unknown => Status::unavailable(status.message()),
        _ => status,
    };
    Ok(status.into_http())
}

/// Makes a status of a refusal that ends a body, which tonic would else read as `UNKNOWN`.
pub(crate) fn read<B>(response: http::Response<B>) -> http::Response<Body>
where
    B: tonic::codegen::Body<Data = Bytes, Error = BoxError> + Send + 'static,
{
    let status = |error: BoxError| match error.rejection() {
        Some(refusal) => Status::deadline_exceeded(refusal.to_string()),
        None => Status::from_error(error),
    };
    response.map(|body| Body::new(body.map_err(status)))
}
