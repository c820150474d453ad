//! One reader of a recorded body.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tower::BoxError;

use crate::sync::Lock;

use super::recording::{BodyLost, Intact};
use super::tape::{Found, Piece, Settled, Tape};
use super::waiters::Waiters;

#[derive(Debug)]
pub(super) struct Shared<B> {
    tape: Lock<Tape<B>>,
    /// Apart from the tape: the live body, which is on the tape, holds a reference to it.
    waiters: Arc<Waiters>,
}

impl<B: Send> Intact for Shared<B> {
    fn is_intact(&self) -> bool {
        self.tape.lock().is_whole()
    }
}

#[derive(Debug)]
pub(super) struct Reader<B> {
    shared: Arc<Shared<B>>,
    id: u64,
    next: usize,
}

/// What a reader gives, and what is left of it after.
pub(super) enum Read<B> {
    Frame(Frame<Bytes>),
    /// A frame, and the rest of the body is the caller's alone; `None` when there is none.
    Last(Frame<Bytes>, Option<B>),
    /// The rest of the body is the caller's alone.
    Rest(B),
    End,
    Error(BoxError),
}

impl<B> Reader<B> {
    /// The first reader of a new tape.
    pub(super) fn new(live: B, rest: SizeHint, cap: usize) -> (Self, Arc<Shared<B>>) {
        let mut tape = Tape::new(live, rest, cap);
        let id = tape.add_reader().unwrap_or_default();
        let shared = Arc::new(Shared {
            tape: Lock::new(tape),
            waiters: Arc::default(),
        });
        let reader = Self {
            shared: Arc::clone(&shared),
            id,
            next: 0,
        };
        (reader, shared)
    }

    /// One that begins at the start; `None` when the tape is not whole any more.
    pub(super) fn rewound(&self) -> Option<Self> {
        let id = self.shared.tape.lock().add_reader()?;
        Some(Self {
            shared: Arc::clone(&self.shared),
            id,
            next: 0,
        })
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.shared.tape.lock().is_at_end(self.id, self.next)
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.shared.tape.lock().left(self.id, self.next)
    }
}

impl<B> Reader<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<Read<B>> {
        // Before looking, so that what comes after the look wakes it.
        self.shared.waiters.register(self.id, cx.waker());
        let found = self.shared.tape.lock().find(self.id, self.next);
        Poll::Ready(match found {
            Found::Piece(piece) => {
                self.next = self.next.saturating_add(1);
                Read::Frame(piece.into_frame())
            }
            Found::Turn(live) => return self.take_turn(live),
            Found::Rest(live) => Read::Rest(live),
            Found::Busy => return Poll::Pending,
            Found::End => Read::End,
            Found::Lost => Read::Error(lost()),
        })
    }

    fn take_turn(&mut self, live: B) -> Poll<Read<B>> {
        let waker = Waker::from(Arc::clone(&self.shared.waiters));
        let mut turn = Turn {
            shared: &self.shared,
            live: Some(live),
        };
        let polled = turn.poll(&mut Context::from_waker(&waker));
        let Poll::Ready(polled) = polled else {
            turn.put_back(self.id);
            return Poll::Pending;
        };
        let piece = match polled.map(|frame| frame.map(Piece::of)) {
            Some(Ok(Some(piece))) => piece,
            Some(Ok(None)) => return Poll::Ready(Read::Error(lost())),
            Some(Err(error)) => return Poll::Ready(Read::Error(error.into())),
            None => {
                turn.end();
                return Poll::Ready(Read::End);
            }
        };
        Poll::Ready(match turn.append(self.id, &piece) {
            Settled::Kept(next) => {
                self.next = next;
                Read::Frame(piece.into_frame())
            }
            Settled::Rest(live) => Read::Last(piece.into_frame(), live),
            Settled::Lost => Read::Error(lost()),
        })
    }
}

pub(super) fn lost() -> BoxError {
    BodyLost { _private: () }.into()
}

impl<B> Drop for Reader<B> {
    fn drop(&mut self) {
        let _freed = self.shared.tape.lock().leave(self.id);
        self.shared.waiters.forget(self.id);
    }
}

/// The live body, out of the lock while it is polled. Dropped with the body still in it, by an error
/// or a panic, it ends the tape. Whatever ends a turn but `Pending` wakes the other readers: the body
/// may have forgotten the waker that it was polled with.
struct Turn<'a, B> {
    shared: &'a Shared<B>,
    live: Option<B>,
}

impl<B: Body + Unpin> Turn<'_, B> {
    #[expect(clippy::type_complexity, reason = "the shape of Body::poll_frame")]
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match &mut self.live {
            Some(live) => Pin::new(live).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn put_back(mut self, reader: u64) {
        if let Some(live) = self.live.take() {
            let wanted = self.shared.tape.lock().put_back(live);
            if wanted {
                self.shared.waiters.wake_others(reader);
            }
        }
    }

    fn append(mut self, reader: u64, piece: &Piece) -> Settled<B> {
        let rest = self.live.as_ref().map(Body::size_hint).unwrap_or_default();
        let ended = self.live.as_ref().is_none_or(Body::is_end_stream);
        let live = self.live.take();
        let (live, over) = if ended { (None, live) } else { (live, None) };
        let settled = self.shared.tape.lock().append(reader, piece, live, rest);
        self.shared.waiters.wake_others(reader);
        drop(over);
        settled
    }

    fn end(mut self) {
        self.shared.tape.lock().end();
        self.shared.waiters.wake_all();
        self.live = None;
    }
}

impl<B> Drop for Turn<'_, B> {
    fn drop(&mut self) {
        if self.live.is_some() {
            let _freed = self.shared.tape.lock().fail();
            self.shared.waiters.wake_all();
        }
    }
}
