//! Bodies that do as they are told, and readers of them.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc::{self, UnboundedReceiver};
use futures::stream::{self, StreamExt};
use http::HeaderMap;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use mainstay::http::{BodyLimits, BodyTimeoutConfig, TimedBody};
use mainstay::test_util::Stepper;
use mainstay::{Rejection, StackError};
use tower::BoxError;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MILLI: Duration = Duration::from_millis(1);
/// Just within a second.
pub(crate) const NEARLY: Duration = Duration::from_millis(999);
pub(crate) const NEVER: Duration = Duration::MAX;

/// The error of the inner bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) u32);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken {}", self.0)
    }
}

impl std::error::Error for Broken {}

pub(crate) type Item = Result<Frame<Bytes>, Broken>;

#[expect(clippy::unnecessary_wraps, reason = "an item of a stream")]
pub(crate) fn data(text: &'static str) -> Item {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

#[expect(clippy::unnecessary_wraps, reason = "an item of a stream")]
pub(crate) fn trailers() -> Item {
    let mut trailers = HeaderMap::new();
    trailers.insert("digest", "one".parse().unwrap());
    Ok(Frame::trailers(trailers))
}

pub(crate) fn config(first: Duration, idle: Duration, total: Duration) -> BodyTimeoutConfig {
    BodyTimeoutConfig::default()
        .first(first)
        .idle(idle)
        .total(total)
}

pub(crate) fn limits(first: Duration, idle: Duration, total: Duration) -> BodyLimits {
    BodyLimits::new(&config(first, idle, total)).expect("the limits are valid")
}

/// Each item after its wait, which begins when it is asked for; then the end, or silence.
pub(crate) fn paced(
    items: Vec<(Duration, Item)>,
    hangs: bool,
) -> impl Body<Data = Bytes, Error = Broken> + Send {
    let items = stream::unfold(items.into_iter(), |mut items| async {
        let (wait, item) = items.next()?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Some((item, items))
    });
    let silence = stream::pending().take(usize::from(hangs));
    StreamBody::new(items.chain(silence))
}

pub(crate) fn silent() -> impl Body<Data = Bytes, Error = Broken> + Send {
    paced(Vec::new(), true)
}

pub(crate) type Sender = mpsc::UnboundedSender<Item>;

/// A body whose frames are sent by the test.
pub(crate) fn sent() -> (Sender, StreamBody<UnboundedReceiver<Item>>) {
    let (sender, receiver) = mpsc::unbounded();
    (sender, StreamBody::new(receiver))
}

/// A body, and whether it is still there.
pub(crate) fn seen<B: Body>(body: B) -> (Seen<B>, Weak<()>) {
    let alive = Arc::new(());
    let watch = Arc::downgrade(&alive);
    let seen = Seen {
        inner: Box::pin(body),
        _alive: alive,
    };
    (seen, watch)
}

pub(crate) struct Seen<B> {
    inner: Pin<Box<B>>,
    _alive: Arc<()>,
}

impl<B: Body> Body for Seen<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.inner.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}

/// The next frame, as text where it is data. Panics where the body would hang.
pub(crate) async fn next<B>(body: &mut Pin<Box<B>>) -> Option<Result<String, B::Error>>
where
    B: Body<Data = Bytes>,
{
    Stepper::new(body.frame()).finish().await.map(told)
}

/// What one poll gives.
pub(crate) fn poll<B>(body: &mut Pin<Box<B>>) -> Poll<Option<Result<String, B::Error>>>
where
    B: Body<Data = Bytes>,
{
    let mut cx = Context::from_waker(Waker::noop());
    let polled = body.as_mut().poll_frame(&mut cx);
    polled.map(|frame| frame.map(told))
}

fn told<E>(frame: Result<Frame<Bytes>, E>) -> Result<String, E> {
    frame.map(|frame| match frame.into_data() {
        Ok(data) => String::from_utf8(data.to_vec()).unwrap(),
        Err(frame) => format!("{:?}", frame.into_trailers().unwrap()),
    })
}

/// All data, and how it ended.
pub(crate) async fn read<B>(body: &mut Pin<Box<B>>) -> (String, Option<B::Error>)
where
    B: Body<Data = Bytes>,
{
    let mut all = String::new();
    loop {
        match next(body).await {
            Some(Ok(text)) => all.push_str(&text),
            Some(Err(error)) => return (all, Some(error)),
            None => return (all, None),
        }
    }
}

#[track_caller]
pub(crate) fn refusal(error: Option<BoxError>) -> Rejection {
    let error = error.expect("the body is cut");
    error.rejection().expect("by its layer").clone()
}

/// A body over and gone: whatever is asked, it says so.
#[track_caller]
pub(crate) fn assert_over<B>(body: &mut Pin<Box<TimedBody<B>>>)
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    for _ in 0..3 {
        assert!(matches!(poll(body), Poll::Ready(None)));
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
    }
}

/// tokio's timers have a grain of one millisecond, and never fire early.
#[track_caller]
pub(crate) fn assert_on_time(elapsed: Duration, limit: Duration) {
    assert!((limit..=limit + MILLI).contains(&elapsed), "{elapsed:?}");
}
