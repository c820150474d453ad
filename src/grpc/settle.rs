//! Outcomes that are settled when a response has been read.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use tower::BoxError;

use crate::breaker::{Settle, Unsettled};
use crate::classify::{Failure, Outcome};
use crate::error::{Kind, StackError};

use super::{ByCode, Code};

/// Settles the outcome of a gRPC call by its trailers.
///
/// | The response | Is settled | As |
/// |---|---|---|
/// | has a status in its head, or an HTTP status that is not 200 | with its head | the breaker's classifier says |
/// | ends with trailers | with them | [`ByCode`] says |
/// | ends without trailers | at its end | `UNKNOWN` (gRPC's `http-grpc-status-mapping.md`) |
/// | fails while it streams | with the error | transient failure |
/// | is ended by the caller's deadline, see below | then | given up |
/// | is dropped before its end | then | given up: see [`BreakerConfig::cancelled`](crate::breaker::BreakerConfig::cancelled) |
/// | panics | then | transient failure |
///
/// No frame is held back or read ahead. A response that nobody reads is not settled, but for a probe's
/// lease.
///
/// A deadline that passes here says nothing of the service. It is known by its
/// [`Rejection`](crate::Rejection) in a [`BoxError`], which is how [`http::TimedBody`](crate::http::TimedBody)
/// fails; an error of another type that wraps it is any other.
///
/// So the whole stream is one call. Streams that last for hours, such as those that watch something,
/// say little of the service when they end, and as probes they outlast their
/// [lease](crate::breaker::BreakerConfig::probe_lease), which is a failure: give them a breaker of their own,
/// with [`AtResponse`](crate::breaker::AtResponse).
#[derive(Clone, Copy, Debug, Default)]
pub struct AtTrailers {
    by: ByCode,
}

impl AtTrailers {
    /// Reads trailers by `by`: give it what the breaker's classifier has for heads.
    pub const fn new(by: ByCode) -> Self {
        Self { by }
    }
}

impl<B: Body> Settle<http::Response<B>> for AtTrailers {
    type Response = http::Response<SettledBody<B>>;

    fn is_settled(&self, response: &http::Response<B>, outcome: Outcome) -> bool {
        outcome != Outcome::Success || self.by.of_head(response).is_some()
    }

    fn respond(&self, response: http::Response<B>, call: Option<Unsettled>) -> Self::Response {
        response.map(|body| SettledBody::new(body, call, self.by))
    }
}

/// A body and the call that it settles; made by [`AtTrailers`].
///
/// The body goes before its call, so that what it held is free when a next probe is admitted.
#[pin_project]
#[derive(Debug)]
pub struct SettledBody<B> {
    #[pin]
    inner: B,
    call: Option<Unsettled>,
    by: ByCode,
}

impl<B: Body> SettledBody<B> {
    fn new(inner: B, call: Option<Unsettled>, by: ByCode) -> Self {
        let is_over = inner.is_end_stream();
        let mut body = Self { inner, call, by };
        if is_over {
            settle(&mut body.call, by.outcome(Code::Unknown));
        }
        body
    }
}

impl<B> SettledBody<B> {
    /// Whether the call has been settled.
    pub const fn is_settled(&self) -> bool {
        self.call.is_none()
    }
}

/// A body that settles nothing, as of the answers that [`RespondLayer`](super::RespondLayer) makes.
impl<B: Default> Default for SettledBody<B> {
    fn default() -> Self {
        Self {
            inner: B::default(),
            call: None,
            by: ByCode::default(),
        }
    }
}

fn settle(call: &mut Option<Unsettled>, outcome: Outcome) {
    if let Some(call) = call.take() {
        call.settle(outcome);
    }
}

/// Whether a layer below ended the body at the caller's deadline. The errors of bodies have nothing in
/// common, so it is asked of the one type that those layers fail with.
fn was_given_up<E: 'static>(error: &E) -> bool {
    let boxed = (error as &dyn Any).downcast_ref::<BoxError>();
    let refusal = boxed.and_then(StackError::rejection);
    refusal.is_some_and(|refusal| refusal.kind() == Kind::DeadlineExceeded)
}

impl<B: Body<Error: 'static>> Body for SettledBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let mut inner = this.inner;
        let Some(call) = this.call else {
            return inner.poll_frame(cx);
        };
        let frame = ready!(call.run(|| inner.as_mut().poll_frame(cx)));
        let outcome = match &frame {
            Some(Err(error)) if was_given_up(error) => {
                drop(this.call.take());
                None
            }
            Some(Err(_)) => Some(Outcome::Failure(Failure::transient())),
            Some(Ok(frame)) => match frame.trailers_ref() {
                Some(trailers) => Some(this.by.of_trailers(trailers)),
                None => inner
                    .is_end_stream()
                    .then(|| this.by.outcome(Code::Unknown)),
            },
            None => Some(this.by.outcome(Code::Unknown)),
        };
        if let Some(outcome) = outcome {
            settle(this.call, outcome);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
