//! One call while its term lasts.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;
use tower::Service;

use crate::coordination::Guarded;
use crate::error::{Executed, Kind, StackError};
use crate::telemetry::Tally;

use super::call::Call;
use super::layer::{Shared, refuse};

/// The response of a [`LeaderOnly`](super::LeaderOnly).
///
/// # Panics
/// When it has to wait outside a runtime of tokio with time enabled.
///
/// # Cancel safety
/// Dropping it at any time drops the inner future, which is then no longer work of the term, and counts
/// the call as cancelled.
#[pin_project]
pub struct ResponseFuture<S: Service<Req>, Req> {
    #[pin]
    state: State<S, Req>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "a call that runs is the common one, and a box would be an allocation for it"
)]
#[pin_project(project = StateProjection)]
enum State<S: Service<Req>, Req> {
    Led(#[pin] Led<S, Req>),
    Ended(Option<S::Error>),
}

/// The inner future goes first, so that it is dropped before the call is counted.
#[pin_project]
struct Led<S: Service<Req>, Req> {
    #[pin]
    work: Guarded<Call<S, Req>>,
    tally: Tally<Shared>,
}

impl<S: Service<Req>, Req> ResponseFuture<S, Req> {
    pub(super) const fn led(work: Guarded<Call<S, Req>>, tally: Tally<Shared>) -> Self {
        let state = State::Led(Led { work, tally });
        Self { state }
    }

    pub(super) const fn ended(error: S::Error) -> Self {
        let state = State::Ended(Some(error));
        Self { state }
    }
}

impl<S, Req> Future for ResponseFuture<S, Req>
where
    S: Service<Req>,
    S::Error: StackError,
{
    type Output = Result<S::Response, S::Error>;

    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let answer = match state.as_mut().project() {
            StateProjection::Led(led) => ready!(led.poll_answer(cx)),
            StateProjection::Ended(error) => Err(error.take().expect("polled after ready")),
        };
        // The inner future ends, and is no longer work of the term, before its caller hears of it.
        state.set(State::Ended(None));
        Poll::Ready(answer)
    }
}

impl<S, Req> Led<S, Req>
where
    S: Service<Req>,
    S::Error: StackError,
{
    /// What the inner service answered, or the refusal where the term ended first.
    fn poll_answer(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Response, S::Error>> {
        let mut this = self.project();
        let tally = this.tally;
        let refusal = match ready!(this.work.as_mut().poll_kept(cx)) {
            // It was ready, but who was paused meanwhile may say what is no longer so.
            Ok(Ok(_)) if !this.work.term().is_valid() => {
                refuse(tally, Kind::LeadershipLost, Executed::Yes)
            }
            Ok(result) => {
                tally.answered(&result);
                return Poll::Ready(result);
            }
            Err(_) if this.work.inner().is_some_and(Call::has_begun) => {
                refuse(tally, Kind::LeadershipLost, Executed::Unknown)
            }
            Err(_) => refuse(tally, Kind::NotLeader, Executed::No),
        };
        Poll::Ready(Err(refusal.into()))
    }
}

impl<S: Service<Req>, Req> fmt::Debug for ResponseFuture<S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Led(led) => f.debug_tuple("Led").field(&led.work).finish(),
            State::Ended(_) => f.write_str("Ended"),
        }
    }
}
