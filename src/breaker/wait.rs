//! Waiting for a circuit, without polling it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;
use tokio::sync::futures::OwnedNotified;

use crate::time::Instant;
use crate::timer::Timer;

use super::shared::Shared;

/// Wakes a service that is not ready when its circuit changes, or when it is time to look again.
///
/// It is boxed, and made only while a service is not ready: no call that is ready pays for it.
#[derive(Debug, Default)]
pub(super) struct Wait {
    listening: Option<Pin<Box<Listening>>>,
}

#[pin_project]
#[derive(Debug)]
struct Listening {
    #[pin]
    changed: OwnedNotified,
    #[pin]
    timer: Timer,
    until: Option<Instant>,
}

impl Wait {
    /// Ready when the caller must look at the circuit again. The first poll is: it only begins to
    /// listen, so that a change between the caller's look and it is not missed.
    pub(super) fn poll(
        &mut self,
        shared: &Shared,
        until: Option<Instant>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(listening) = &mut self.listening else {
            self.listening = Some(Box::pin(Listening {
                changed: Arc::clone(shared.changed()).notified_owned(),
                timer: Timer::unarmed(),
                until: None,
            }));
            return Poll::Ready(());
        };
        ready!(listening.as_mut().poll_again(until, cx));
        self.listening = None;
        Poll::Ready(())
    }

    /// The service does not wait any more.
    pub(super) fn end(&mut self) {
        self.listening = None;
    }
}

impl Listening {
    fn poll_again(self: Pin<&mut Self>, until: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if *this.until != until {
            *this.until = until;
            this.timer.as_mut().arm(until);
        }
        if this.changed.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        this.timer.poll_fired(cx)
    }
}
