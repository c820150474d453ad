//! One request at an acceptor.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::seat::{Result, Shared};
use super::{AcceptorError, Ask, LeaseRequest, waits};

/// The answer of an [`AcceptorService`](super::AcceptorService).
///
/// A message that needs no write is handled when this is first polled, and nothing is allocated for it.
/// What waits, for the disk, for another request or for a lease to be given back, is boxed.
///
/// # Cancel safety
/// Dropping it changes nothing: a term whose write has begun is written all the same, and one whose write
/// has not begun is not granted.
pub struct AcceptorFuture {
    state: State,
}

/// In a box, for it is rare (a write for each term, and those who wait for a lease) and would make each answer's
/// future as large as itself.
type Waits = Pin<Box<dyn Future<Output = Result> + Send>>;

enum State {
    Asked(Arc<Shared>, LeaseRequest),
    Waits(Waits),
    Done,
}

impl AcceptorFuture {
    pub(super) const fn new(shared: Arc<Shared>, request: LeaseRequest) -> Self {
        Self {
            state: State::Asked(shared, request),
        }
    }
}

impl Future for AcceptorFuture {
    type Output = Result;

    #[expect(clippy::panic, reason = "a future is not polled after it was ready")]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result> {
        // Taken out, so that one that panics is not polled again.
        let mut waits: Waits = match std::mem::replace(&mut self.state, State::Done) {
            State::Asked(shared, request) => {
                if *request.resource != *shared.resource {
                    let serves = shared.resource.clone();
                    return Poll::Ready(Err(AcceptorError::Resource { serves }));
                }
                match request.ask {
                    Ask::Message(message) => match shared.at_once(message) {
                        Some(answer) => return Poll::Ready(answer),
                        None => Box::pin(shared.in_turn(message)),
                    },
                    Ask::Wait { within } => Box::pin(waits::wait(shared, within)),
                }
            }
            State::Waits(waits) => waits,
            State::Done => panic!("polled after ready"),
        };
        if let Poll::Ready(answer) = waits.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        self.state = State::Waits(waits);
        Poll::Pending
    }
}

impl fmt::Debug for AcceptorFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptorFuture").finish_non_exhaustive()
    }
}
