//! A request body that can be read more than once.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::Request;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use tower::BoxError;

use super::reader::{Read, Reader, lost};
use super::recording::{Intact, Recording};

/// A body that is recorded while it is read, so that its clones give the same frames again.
///
/// A clone begins at the start: it gives what is recorded, and then goes on with the live body where
/// that stands. Readers may read at the same time; each gets the whole body, and whoever is at the
/// end of the recording drives it on for all.
///
/// When the body outgrows the recording, by its bytes or by more than 1024 frames, the recording is
/// given up: the newest clone that has begun to read goes on undisturbed, the others fail with
/// [`BodyLost`](super::BodyLost), as all do when the inner body fails. They never end early as if the
/// body were whole. A body whose length is known to be too large is not recorded at all, and one that
/// is known to be empty costs nothing.
///
/// Frames keep their boundaries and trailers; frames without data are not repeated. Errors of the
/// inner body are boxed and otherwise untouched.
#[derive(Debug)]
pub struct ReplayBody<B> {
    source: Source<B>,
}

#[derive(Debug)]
enum Source<B> {
    Empty,
    Recorded(Reader<B>),
    /// Read by this one alone.
    Direct(B),
    Lost,
}

impl<B> ReplayBody<B>
where
    B: Body + Unpin + Send + 'static,
{
    /// Makes the body of `request` repeatable, as far as it fits into `cap` bytes of data and
    /// trailers.
    ///
    /// The request's extensions then tell `SafeMethods` whether the
    /// recording is whole.
    pub fn record(request: Request<B>, cap: usize) -> Request<Self> {
        let declared = declared_length(request.headers());
        let (mut parts, body) = request.into_parts();
        parts.extensions.remove::<Recording>();
        let hint = body.size_hint();
        let least = hint.lower().max(declared.unwrap_or(0));
        let source = if body.is_end_stream() {
            Source::Empty
        } else if usize::try_from(least).is_ok_and(|least| least <= cap) {
            let (reader, shared) = Reader::new(body, hint, cap);
            let shared: Arc<dyn Intact> = shared;
            parts
                .extensions
                .insert(Recording::new(Arc::downgrade(&shared)));
            Source::Recorded(reader)
        } else {
            parts.extensions.insert(Recording::NONE);
            Source::Direct(body)
        };
        Request::from_parts(parts, Self { source })
    }
}

fn declared_length(headers: &http::HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Begins at the start, however far this one has been read.
impl<B> Clone for ReplayBody<B> {
    fn clone(&self) -> Self {
        let source = match &self.source {
            Source::Empty => Source::Empty,
            Source::Recorded(reader) => reader.rewound().map_or(Source::Lost, Source::Recorded),
            Source::Direct(_) | Source::Lost => Source::Lost,
        };
        Self { source }
    }
}

impl<B> Body for ReplayBody<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            let read = match &mut self.source {
                Source::Empty => return Poll::Ready(None),
                Source::Lost => return Poll::Ready(Some(Err(lost()))),
                Source::Direct(live) => return poll_direct(live, cx),
                Source::Recorded(reader) => std::task::ready!(reader.poll(cx)),
            };
            return Poll::Ready(match read {
                Read::Frame(frame) => Some(Ok(frame)),
                Read::End => None,
                Read::Rest(live) => {
                    self.source = Source::Direct(live);
                    continue;
                }
                Read::Last(frame, live) => {
                    self.source = live.map_or(Source::Empty, Source::Direct);
                    Some(Ok(frame))
                }
                Read::Error(error) => {
                    self.source = Source::Lost;
                    Some(Err(error))
                }
            });
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Recorded(reader) => reader.is_end_stream(),
            Source::Direct(live) => live.is_end_stream(),
            Source::Lost => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Recorded(reader) => reader.size_hint(),
            Source::Direct(live) => live.size_hint(),
            Source::Lost => SizeHint::default(),
        }
    }
}

fn poll_direct<B>(
    live: &mut B,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BoxError>>>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    let polled = Pin::new(live).poll_frame(cx);
    polled
        .map_ok(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
        .map_err(Into::into)
}
