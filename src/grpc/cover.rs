//! Responses that the deadline ends with a status.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::context::Deadline;
use crate::deadline::Cover;
use crate::http::{Bodies, BodyLimits, Cut, Watched};
use crate::name::Name;
use crate::telemetry::Tally;

/// Lets the deadline end a response's body while it streams, with trailers that say
/// `grpc-status: 4` (`DEADLINE_EXCEEDED`), so that the client reads a status and not a reset stream.
///
/// It is for servers of gRPC and nothing else: to a reader that looks for no trailers, a body that is cut
/// in this way seems whole. Where gRPC and HTTP come in by the same door, take
/// [`http::CoverBody`](crate::http::CoverBody), which breaks off.
///
/// [`http::TimedBody`](crate::http::TimedBody) says when the time runs. Its calls are
/// counted when their bodies are over, with `layer="body_deadline"`, as those of
/// [`http::CoverBody`](crate::http::CoverBody).
#[derive(Clone, Debug)]
pub struct CoverStream {
    bodies: Arc<Bodies>,
}

impl CoverStream {
    /// Counts in the name of `name`, which should be that of the deadline's layer.
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            bodies: Arc::new(Bodies::new("body_deadline", name.into())),
        }
    }
}

impl<B: Body> Cover<http::Response<B>> for CoverStream {
    type Response = http::Response<CoveredStream<B>>;

    fn cover(&self, response: http::Response<B>, deadline: Deadline) -> Self::Response {
        let limits = BodyLimits::until(deadline);
        let tally = Tally::new(&self.bodies);
        response.map(|body| CoveredStream {
            watched: Watched::counted(body, limits, tally),
        })
    }
}

/// A body that ends with `grpc-status: 4` in its trailers when the deadline passes before its own
/// end; made by [`CoverStream`].
///
/// The inner body is dropped before the trailers are given out, and the body is over after them. A
/// body that has sent trailers of its own has ended, and gets no others.
#[pin_project]
#[derive(Debug)]
pub struct CoveredStream<B> {
    #[pin]
    watched: Watched<B>,
}

/// A body without a deadline, as of the answers that are made of refusals.
impl<B: Default> Default for CoveredStream<B> {
    fn default() -> Self {
        Self {
            watched: Watched::unwatched(B::default()),
        }
    }
}

impl<B: Body> Body for CoveredStream<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().watched.poll_frame(cx).map(|item| {
            item.map(|frame| match frame {
                Ok(frame) => Ok(frame),
                Err(Cut::Inner(error)) => Err(error),
                Err(Cut::Expired(_)) => Ok(Frame::trailers(deadline_exceeded())),
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.watched.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.watched.size_hint()
    }
}

/// The message names nothing inside, and has no letter that gRPC percent-encodes.
fn deadline_exceeded() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    for (name, value) in [
        ("grpc-status", "4"),
        (
            "grpc-message",
            "the deadline passed before the end of the response",
        ),
    ] {
        trailers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    trailers
}
