//! One acceptor, and the call to it that is under way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;
use tower::{BoxError, Service};

use crate::coordination::AcceptorId;

use super::slots::Cause;
use super::{LeaseRequest, LeaseResponse};

/// Room for one call at a time. It is made once and used again, so that a call allocates nothing here.
#[pin_project]
pub(super) struct Slot<S: Service<LeaseRequest>> {
    pub(super) id: AcceptorId,
    service: S,
    #[pin]
    call: Call<S, S::Future>,
}

#[pin_project(project = CallProjection)]
enum Call<S, F> {
    None,
    /// Another's clone may be ready, this one has to become so itself.
    Readying(S, Option<LeaseRequest>),
    Called(#[pin] F),
}

impl<S: Service<LeaseRequest>> Slot<S> {
    pub(super) const fn is_busy(&self) -> bool {
        !matches!(self.call, Call::None)
    }

    pub(super) fn clear(self: Pin<&mut Self>) {
        self.project().call.set(Call::None);
    }
}

impl<S> Slot<S>
where
    S: Service<LeaseRequest, Response = LeaseResponse, Error: Into<BoxError>> + Clone,
{
    pub(super) const fn new(id: AcceptorId, service: S) -> Self {
        Self {
            id,
            service,
            call: Call::None,
        }
    }

    /// One for the same acceptor, with no call under way.
    pub(super) fn another(&self) -> Self {
        Self::new(self.id, self.service.clone())
    }

    /// In the place of a call that is under way, which is dropped.
    pub(super) fn ask(self: Pin<&mut Self>, request: LeaseRequest) {
        let mut this = self.project();
        let service = this.service.clone();
        this.call.set(Call::Readying(service, Some(request)));
    }

    /// The answer, once; pending as long as there is no call.
    pub(super) fn poll_answer(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<LeaseResponse, Cause>> {
        let mut this = self.project();
        let answer = loop {
            match this.call.as_mut().project() {
                CallProjection::None => return Poll::Pending,
                CallProjection::Readying(service, request) => {
                    if let Err(error) = ready!(service.poll_ready(cx)) {
                        break Err(error);
                    }
                    let Some(request) = request.take() else {
                        // `call` has panicked.
                        return Poll::Pending;
                    };
                    let future = service.call(request);
                    this.call.set(Call::Called(future));
                }
                CallProjection::Called(future) => break ready!(future.poll(cx)),
            }
        };
        this.call.set(Call::None);
        Poll::Ready(answer.map_err(|error| Arc::from(error.into())))
    }
}
