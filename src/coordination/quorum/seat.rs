//! The one place from which an acceptor answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::coordination::{Acceptor, Answer, Clock, Message, StoreError, TokenStore};
use crate::name::Name;
use crate::telemetry::{Scope, event};

use super::waits::Waits;
use super::{AcceptorError, LeaseResponse};

pub(super) type Result = std::result::Result<LeaseResponse, AcceptorError>;

/// What the clones of one service share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) resource: Name,
    /// Of tokio, because it is kept while the disk writes, by a guard that goes to another thread.
    pub(super) seat: Arc<Mutex<Seat>>,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) waits: Waits,
    pub(super) scope: Scope,
}

#[derive(Debug)]
pub(super) struct Seat {
    pub(super) acceptor: Acceptor,
    /// What the store said when the acceptor failed.
    pub(super) failure: Option<StoreError>,
}

impl Seat {
    /// # Errors
    /// When the acceptor has failed.
    pub(super) fn check(&self) -> std::result::Result<(), AcceptorError> {
        if self.acceptor.has_failed() {
            return Err(AcceptorError::Failed {
                source: self.failure.clone(),
            });
        }
        Ok(())
    }
}

impl Shared {
    /// The answer, unless the seat is taken or the disk must be written first. Then nothing has happened.
    pub(super) fn at_once(&self, message: Message) -> Option<Result> {
        let mut seat = self.seat.try_lock().ok()?;
        let answer = self.unwritten(&mut seat, message);
        drop(seat);
        self.tell(message);
        answer
    }

    /// The answer, however long it takes. Dropped before it has begun to write, nothing has happened;
    /// after that, it makes no difference.
    pub(super) async fn in_turn(self: Arc<Self>, message: Message) -> Result {
        let mut seat = Arc::clone(&self.seat).lock_owned().await;
        if let Some(answer) = self.unwritten(&mut seat, message) {
            drop(seat);
            self.tell(message);
            return answer;
        }
        match Handle::try_current() {
            Ok(runtime) => {
                let writing = runtime.spawn_blocking(move || self.written(seat, message));
                writing.await.unwrap_or(Err(AcceptorError::Stopped))
            }
            // Somebody else's executor: nothing of tokio waits.
            Err(_) => self.written(seat, message),
        }
    }

    fn unwritten(&self, seat: &mut Seat, message: Message) -> Option<Result> {
        if let Err(error) = seat.check() {
            return Some(Err(error));
        }
        let now = self.clock.now();
        let answer = seat.acceptor.handle_unwritten(message, now)?;
        Some(Ok(answer.into()))
    }

    /// On a thread that may block. Nothing drops it once it has begun.
    fn written(&self, mut seat: OwnedMutexGuard<Seat>, message: Message) -> Result {
        let now = self.clock.now();
        let Seat { acceptor, failure } = &mut *seat;
        let write = match acceptor.handle(message, now) {
            Answer::Silence => return Ok(LeaseResponse::Silence),
            Answer::Reply(reply) => return Ok(LeaseResponse::Reply(reply)),
            Answer::Write(write) => write,
        };
        let record = write.record();
        // A store that panics has failed, and those who wait must hear of it.
        match catch_unwind(AssertUnwindSafe(|| self.store.record(record))) {
            Ok(Ok(())) => return Ok(LeaseResponse::Reply(write.written())),
            Ok(Err(error)) => *failure = Some(error),
            Err(_) => {}
        }
        let failed = AcceptorError::Failed {
            source: failure.clone(),
        };
        drop(seat);
        self.waits.tell();
        event(
            &self.scope,
            "the acceptor has failed",
            format_args!("term {} could not be written", record.token),
        );
        Err(failed)
    }

    /// A lease may have been given back.
    fn tell(&self, message: Message) {
        if matches!(message, Message::Release(_)) {
            self.waits.tell();
        }
    }
}
