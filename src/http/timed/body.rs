//! A body that fails when its time is over.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use tower::BoxError;

use crate::name::Name;
use crate::telemetry::Tally;

use super::BodyLimits;
use super::meter::Bodies;
use super::watched::{Cut, Watched};

/// A body that fails when its time is over: with a [`Rejection`](crate::Rejection) of kind `Timeout` or
/// `DeadlineExceeded`, which [`StackError::rejection`](crate::StackError::rejection) finds in the error,
/// and which says [`Executed::Unknown`](crate::Executed::Unknown).
///
/// # When the time runs
/// `first` and `total` run from when this was made, which for a response is when its head has come.
/// `idle` runs while a reader waits: from the poll that finds no frame until there is one. So a
/// reader that is slow, or held back by its own peer, does not use up the sender's time.
///
/// Nothing ends while nobody polls, whatever has passed: the body and what it holds stay. At the next
/// poll a frame that is there is given out, and only a body without one is ended. Who must not be kept
/// waiting by readers needs a limit on its readers. A body that always has a frame ready is looked at
/// once in 64 frames, so `total` and the deadline end that one too, up to 64 frames late.
///
/// # How it ends
/// The inner body is dropped, then the error is given out, then the body is over: `None`, for ever.
/// Frames, trailers, errors, size and end of the inner body pass through untouched before.
///
/// While the inner body is polled, the deadline is the task's
/// ([`Deadline::current`](crate::Deadline::current)): a stream that asks others for what it sends can tell
/// them what time is left.
///
/// # Its error
/// It is [`BoxError`], and not a type of the caller's choice: hyper and axum box the errors of bodies
/// in any case, nothing in a body's type would tell the compiler which other is meant, and where
/// there is a choice, a response of one stack would not fit into the next.
///
/// # Cost
/// A body that is ready whenever it is polled has no timer and allocates nothing. The clock is
/// read when the body is made, if `first` or `total` is set, and once in each wait. Where nothing bounds
/// the body, it is not read at all.
///
/// It is not `Unpin`, for the timer is within: `Box::pin` it for a client that asks for that.
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::{BodyExt, Full, StreamBody};
/// use mainstay::http::{BodyLimits, BodyTimeoutConfig, TimedBody};
/// use mainstay::{Kind, StackError};
/// use std::time::Duration;
/// # use http_body::Frame;
/// # use std::convert::Infallible;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let limits = BodyLimits::new(&BodyTimeoutConfig::default().first(Duration::from_secs(5)))?;
///
/// let upload = TimedBody::new(Full::<Bytes>::from("all of it"), limits, "upload");
/// assert_eq!(upload.collect().await?.to_bytes(), "all of it");
///
/// let silent = futures::stream::pending::<Result<Frame<Bytes>, Infallible>>();
/// let upload = TimedBody::new(StreamBody::new(silent), limits, "upload");
/// let error = upload.collect().await.unwrap_err();
/// assert_eq!(error.rejection().map(|refusal| refusal.kind()), Some(Kind::Timeout));
/// # Ok(())
/// # }
/// ```
#[pin_project]
#[derive(Debug)]
pub struct TimedBody<B> {
    #[pin]
    watched: Watched<B>,
}

impl<B: Body> TimedBody<B> {
    /// Watches `body` from now on. Refusals are in the name of `name`; nothing is counted.
    ///
    /// Responses are wrapped by [`BodyTimeoutLayer`](super::BodyTimeoutLayer). This is for other bodies,
    /// such as those of requests that are slow to arrive.
    pub fn new(body: B, limits: BodyLimits, name: impl Into<Name>) -> Self {
        Self {
            watched: Watched::new(body, limits, name.into(), None),
        }
    }

    pub(super) fn counted(body: B, limits: BodyLimits, tally: Tally<Bodies>) -> Self {
        Self {
            watched: Watched::counted(body, limits, tally),
        }
    }
}

/// A body that is not watched, as of the answers that [`RespondLayer`](crate::http::RespondLayer) makes.
impl<B: From<Bytes>> From<Bytes> for TimedBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self {
            watched: Watched::unwatched(bytes.into()),
        }
    }
}

/// The same, as of the answers that `grpc::RespondLayer` makes.
impl<B: Default> Default for TimedBody<B> {
    fn default() -> Self {
        Self {
            watched: Watched::unwatched(B::default()),
        }
    }
}

impl<B> Body for TimedBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        self.project()
            .watched
            .poll_frame(cx)
            .map_err(|cut| match cut {
                Cut::Inner(error) => error.into(),
                Cut::Expired(refusal) => refusal.into(),
            })
    }

    fn is_end_stream(&self) -> bool {
        self.watched.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.watched.size_hint()
    }
}
