//! Reads a body into memory, up to a bound.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use tokio::task::coop;

/// What has been read of a body. Frames are joined, so that a body of many small ones takes no more
/// memory than its bytes.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    data: Data,
    pub(super) trailers: Option<HeaderMap>,
}

#[derive(Debug)]
enum Data {
    /// One frame, as it came.
    One(Bytes),
    Joined(BytesMut),
}

impl Default for Data {
    fn default() -> Self {
        Self::One(Bytes::new())
    }
}

/// How the reading ended.
#[derive(Debug)]
pub(super) enum End<E> {
    /// There is no more.
    Whole,
    /// There is more than there is room.
    Full,
    Failed(E),
}

impl Gathered {
    /// Reads on until the end, or until more than `room` bytes of data are here.
    pub(super) fn poll_read<B: Body<Data = Bytes>>(
        &mut self,
        mut body: Pin<&mut B>,
        room: usize,
        cx: &mut Context<'_>,
    ) -> Poll<End<B::Error>> {
        loop {
            // A body that always has another empty frame must not keep the thread.
            let turn = ready!(coop::poll_proceed(cx));
            let frame = ready!(body.as_mut().poll_frame(cx));
            turn.made_progress();
            match frame {
                None => return Poll::Ready(End::Whole),
                Some(Err(error)) => return Poll::Ready(End::Failed(error)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        self.data.push(data);
                        if self.data.len() > room {
                            return Poll::Ready(End::Full);
                        }
                    }
                    Err(frame) => {
                        if let Ok(trailers) = frame.into_trailers() {
                            self.trailers = Some(trailers);
                            return Poll::Ready(End::Whole);
                        }
                    }
                },
            }
        }
    }

    pub(super) fn into_parts(self) -> (Bytes, Option<HeaderMap>) {
        let data = match self.data {
            Data::One(data) => data,
            Data::Joined(data) => data.freeze(),
        };
        (data, self.trailers)
    }
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Self::One(data) => data.len(),
            Self::Joined(data) => data.len(),
        }
    }

    fn push(&mut self, more: Bytes) {
        match self {
            Self::One(data) if data.is_empty() => *data = more,
            Self::One(data) => {
                let mut joined = BytesMut::with_capacity(data.len().saturating_add(more.len()));
                joined.extend_from_slice(data);
                joined.extend_from_slice(&more);
                *self = Self::Joined(joined);
            }
            Self::Joined(data) => data.extend_from_slice(&more),
        }
    }
}
