//! Answers of a gRPC service, made by hand.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use mainstay::Error;
use tower::Service;

#[derive(Debug)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stream was reset")
    }
}

impl std::error::Error for Broken {}

pub(crate) type Body = UnsyncBoxBody<Bytes, Broken>;
pub(crate) type Item = Result<Frame<Bytes>, Broken>;

pub(crate) fn metadata(fields: &[(&'static str, &str)]) -> HeaderMap {
    let fields = fields.iter();
    fields
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect::<HeaderMap>()
}

/// A response whose head is all of it.
pub(crate) fn trailers_only(fields: &[(&'static str, &str)]) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.headers_mut() = metadata(fields);
    response
}

pub(crate) fn status(code: &str) -> Response<Body> {
    trailers_only(&[("grpc-status", code)])
}

#[expect(clippy::unnecessary_wraps, reason = "an item of a stream")]
pub(crate) fn message() -> Item {
    Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\x02hi")))
}

#[expect(clippy::unnecessary_wraps, reason = "an item of a stream")]
pub(crate) fn trailers(fields: &[(&'static str, &str)]) -> Item {
    Ok(Frame::trailers(metadata(fields)))
}

/// A head without a status, and these frames.
pub(crate) fn streaming<const N: usize>(frames: [Item; N]) -> Response<Body> {
    Response::new(StreamBody::new(stream::iter(frames)).boxed_unsync())
}

/// A message, and then the status.
pub(crate) fn reply(code: &str) -> Response<Body> {
    streaming([message(), trailers(&[("grpc-status", code)])])
}

/// What an upstream was sent: the path, and what it says of the attempts before.
pub(crate) type Sent = (String, Option<String>);

/// Answers from a script, and when that is over with `OK`.
#[derive(Clone, Default)]
pub(crate) struct Upstream {
    script: Arc<Mutex<VecDeque<Response<Body>>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Upstream {
    pub(crate) fn of<const N: usize>(script: [Response<Body>; N]) -> Self {
        let upstream = Self::default();
        upstream.script.lock().unwrap().extend(script);
        upstream
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

impl<B> Service<Request<B>> for Upstream {
    type Response = Response<Body>;
    type Error = Error<Broken>;
    type Future = std::future::Ready<Result<Response<Body>, Error<Broken>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let before = request.headers().get("grpc-previous-rpc-attempts");
        let before = before.map(|value| value.to_str().unwrap().to_owned());
        let path = request.uri().path().to_owned();
        self.sent.lock().unwrap().push((path, before));
        let answer = self.script.lock().unwrap().pop_front();
        std::future::ready(Ok(answer.unwrap_or_else(|| reply("0"))))
    }
}

pub(crate) fn request(path: &str) -> Request<Bytes> {
    Request::post(path).body(Bytes::new()).unwrap()
}
