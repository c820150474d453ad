//! Bodies made by hand, and short ways to the pieces under test.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use mainstay::http::{KeyHeader, ReadBody, RecordResponse};
use mainstay::idempotency::{Capture, Disposition, Prepare, Tombstone};
use tower::BoxError;

pub(crate) type Body = UnsyncBoxBody<Bytes, Broken>;
pub(crate) type Reply = Response<ReadBody<Body>>;

/// The body broke off.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken off")
    }
}

impl std::error::Error for Broken {}

/// What a body does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Data(Bytes),
    Trailers,
    Fail,
    Wait(Duration),
    Hang,
    /// Nobody asks for more.
    Panic,
}

pub(crate) fn data(bytes: impl AsRef<[u8]>) -> Step {
    Step::Data(Bytes::copy_from_slice(bytes.as_ref()))
}

pub(crate) fn trailers(status: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.append("grpc-status", HeaderValue::from_static(status));
    trailers.append("x-raw", HeaderValue::from_bytes(b"\xfe\xff").unwrap());
    trailers.append("x-raw", HeaderValue::from_static("2"));
    trailers
}

async fn frame(step: Step) -> Option<Result<Frame<Bytes>, Broken>> {
    match step {
        Step::Data(data) => Some(Ok(Frame::data(data))),
        Step::Trailers => Some(Ok(Frame::trailers(trailers("0")))),
        Step::Fail => Some(Err(Broken)),
        Step::Wait(wait) => {
            tokio::time::sleep(wait).await;
            None
        }
        Step::Hang => std::future::pending().await,
        Step::Panic => panic!("nobody was to ask for this"),
    }
}

/// A body of unknown length.
pub(crate) fn streamed(steps: impl IntoIterator<Item = Step>) -> Body {
    let steps: Vec<_> = steps.into_iter().collect();
    let frames = futures::stream::iter(steps).filter_map(frame);
    StreamBody::new(Box::pin(frames)).boxed_unsync()
}

/// A body of known length.
pub(crate) fn full(bytes: impl AsRef<[u8]>) -> Body {
    let bytes = Bytes::copy_from_slice(bytes.as_ref());
    let full = http_body_util::Full::new(bytes);
    full.map_err(|never| match never {}).boxed_unsync()
}

/// What a body gives: its bytes, its trailers, and its error.
pub(crate) async fn drain(body: ReadBody<Body>) -> (Bytes, Option<HeaderMap>, Option<Broken>) {
    let mut body = std::pin::pin!(body);
    let (mut bytes, mut trailers) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        match frame {
            Err(error) => {
                assert!(body.frame().await.is_none(), "an error is the end");
                return (bytes.into(), trailers, Some(error));
            }
            Ok(frame) => match frame.into_data() {
                Ok(data) => {
                    assert!(trailers.is_none(), "trailers are the end");
                    bytes.extend_from_slice(&data);
                }
                Err(frame) => trailers = Some(frame.into_trailers().unwrap()),
            },
        }
    }
    (bytes.into(), trailers, None)
}

pub(crate) async fn bytes(body: ReadBody<Body>) -> Bytes {
    let (bytes, _, error) = drain(body).await;
    assert_eq!(error, None);
    bytes
}

pub(crate) fn request(body: Body) -> Request<Body> {
    Request::post("/charges?a=1").body(body).unwrap()
}

/// The key of a request, or why there is none.
pub(crate) fn key(
    rule: &KeyHeader,
    request: &Request<Body>,
) -> Result<Option<mainstay::idempotency::ClientKey>, mainstay::idempotency::Unfit> {
    Prepare::key(rule, request)
}

pub(crate) async fn capture<C>(rule: &C, response: Response<Body>) -> (Reply, Disposition)
where
    C: Capture<Response<Body>, BoxError, Outer = Reply>,
{
    let (result, disposition) = rule.capture(Ok(response)).await;
    (result.unwrap(), disposition)
}

pub(crate) fn replay(rule: &RecordResponse, kept: Disposition) -> Reply {
    let Disposition::Keep(record) = kept else {
        panic!("nothing was kept: {kept:?}");
    };
    Capture::<Response<Body>, BoxError>::replay(rule, record).unwrap()
}

pub(crate) const TOO_LARGE: Disposition = Disposition::Tombstone(Tombstone::TooLarge);
pub(crate) const STREAMING: Disposition = Disposition::Tombstone(Tombstone::Streaming);

/// Says how long it is, and is not to be read.
struct Unread(u64);

impl http_body::Body for Unread {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        panic!("read");
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

/// A body of this length that is not to be read.
pub(crate) fn unread(len: u64) -> Body {
    Unread(len).boxed_unsync()
}
