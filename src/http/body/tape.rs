//! What has been recorded of one body, and who may have the rest.
//!
//! Any number of readers share a tape. Each reads what is recorded from the start; whoever comes to
//! the end of that takes the live body for one turn, polls it, and puts it back with what it gave.
//!
//! # Invariants
//! - I1: while the tape is whole, every reader gets every piece, once and in order.
//! - I2: a reader is told of the end only after it got every piece.
//! - I3: at most `cap` bytes and [`PIECES_MAX`] pieces are kept, and one piece more while the newest
//!   reader has not come to it.
//! - I4: past that, one reader goes on, the newest; every other gets an error at its next poll.
//! - I5: no reader waits for a live body that nobody holds.

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Frame, SizeHint};

/// The most pieces that are kept, so that a body of tiny frames has a bound too.
pub(super) const PIECES_MAX: usize = 1024;

/// A frame that can be had again.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
}

impl Piece {
    /// `None` for a frame of a kind that does not exist yet.
    pub(super) fn of<D: Buf>(frame: Frame<D>) -> Option<Self> {
        match frame.into_data() {
            Ok(mut data) => Some(Self::Data(data.copy_to_bytes(data.remaining()))),
            Err(other) => other.into_trailers().ok().map(Self::Trailers),
        }
    }

    pub(super) fn into_frame(self) -> Frame<Bytes> {
        match self {
            Self::Data(data) => Frame::data(data),
            Self::Trailers(trailers) => Frame::trailers(trailers),
        }
    }

    fn data_len(&self) -> usize {
        match self {
            Self::Data(data) => data.len(),
            Self::Trailers(_) => 0,
        }
    }

    /// What it takes up, as far as the peer decides it.
    fn size(&self) -> usize {
        match self {
            Self::Data(data) => data.len(),
            Self::Trailers(trailers) => trailers.iter().fold(0, |sum, (name, value)| {
                sum.saturating_add(name.as_str().len())
                    .saturating_add(value.len())
            }),
        }
    }
}

#[derive(Debug)]
pub(super) struct Tape<B> {
    kept: Vec<Piece>,
    room: usize,
    live: Live<B>,
    /// What the live body said of its length when it was last here.
    rest: SizeHint,
    claim: Claim,
    /// Those who have begun to read.
    readers: Vec<u64>,
    next_reader: u64,
    /// Whether somebody wanted the live body while it was taken.
    wanted: bool,
}

#[derive(Debug)]
enum Live<B> {
    Here(B),
    Taken,
    Ended,
}

/// Who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    Everyone,
    /// The recording is over; what is kept is only what this one has still to read.
    Only(u64),
    Nobody,
}

/// What a reader finds.
#[derive(Debug)]
#[must_use]
pub(super) enum Found<B> {
    Piece(Piece),
    /// The live body, to poll and to [`put_back`](Tape::put_back).
    Turn(B),
    /// The live body, to keep.
    Rest(B),
    /// Somebody polls it.
    Busy,
    End,
    Lost,
}

/// What became of a turn.
#[derive(Debug)]
#[must_use]
pub(super) enum Settled<B> {
    /// It is on the tape; go on reading at this place.
    Kept(usize),
    /// It outgrew the tape and the rest is the reader's; `None` when there is no more.
    Rest(Option<B>),
    /// It outgrew the tape and the rest is a newer reader's.
    Lost,
}

impl<B> Tape<B> {
    pub(super) fn new(live: B, rest: SizeHint, cap: usize) -> Self {
        Self {
            kept: Vec::new(),
            room: cap,
            live: Live::Here(live),
            rest,
            claim: Claim::Everyone,
            readers: Vec::new(),
            next_reader: 0,
            wanted: false,
        }
    }

    /// A number for one more reader; `None` when it could not read any more.
    pub(super) fn add_reader(&mut self) -> Option<u64> {
        let id = self.next_reader;
        self.next_reader = id.checked_add(1)?;
        self.is_whole().then_some(id)
    }

    pub(super) fn is_whole(&self) -> bool {
        self.claim == Claim::Everyone
    }

    fn admits(&self, reader: u64) -> bool {
        match self.claim {
            Claim::Everyone => true,
            Claim::Only(owner) => owner == reader,
            Claim::Nobody => false,
        }
    }

    /// `reader` wants the piece at `next`.
    pub(super) fn find(&mut self, reader: u64, next: usize) -> Found<B> {
        if !self.admits(reader) {
            return Found::Lost;
        }
        if !self.readers.contains(&reader) {
            self.readers.push(reader);
        }
        if let Some(piece) = self.kept.get(next) {
            return Found::Piece(piece.clone());
        }
        match std::mem::replace(&mut self.live, Live::Taken) {
            Live::Here(live) if self.is_whole() => Found::Turn(live),
            Live::Here(live) => Found::Rest(live),
            Live::Taken => {
                self.wanted = true;
                Found::Busy
            }
            Live::Ended => {
                self.live = Live::Ended;
                Found::End
            }
        }
    }

    /// The live body was not ready. Whether somebody else must be woken to poll it (I5).
    #[must_use]
    pub(super) fn put_back(&mut self, live: B) -> bool {
        self.live = Live::Here(live);
        std::mem::take(&mut self.wanted)
    }

    /// The live body gave `piece`; `live` is `None` when it said that this was the last.
    pub(super) fn append(
        &mut self,
        reader: u64,
        piece: &Piece,
        live: Option<B>,
        rest: SizeHint,
    ) -> Settled<B> {
        self.wanted = false;
        self.rest = rest;
        // A frame without data is passed on and not kept: there could be any number of them.
        let empty = matches!(piece, Piece::Data(data) if data.is_empty());
        let room = self.room.checked_sub(piece.size());
        let fits = self.kept.len() < PIECES_MAX && room.is_some();
        if !fits && !empty {
            let newest = self.readers.iter().copied().max().unwrap_or(reader);
            self.claim = Claim::Only(newest);
            if newest == reader {
                return Settled::Rest(live);
            }
        }
        self.live = live.map_or(Live::Ended, Live::Here);
        if !empty {
            self.room = room.unwrap_or(0);
            self.kept.push(piece.clone());
        }
        if self.is_whole() {
            Settled::Kept(self.kept.len())
        } else {
            Settled::Lost
        }
    }

    /// The live body came to its end.
    pub(super) fn end(&mut self) {
        self.rest = SizeHint::with_exact(0);
        self.live = Live::Ended;
    }

    /// The live body failed, or its poll panicked: what comes after is not known to anyone.
    #[must_use = "to be dropped after the lock"]
    pub(super) fn fail(&mut self) -> impl Sized + use<B> {
        self.claim = Claim::Nobody;
        (
            std::mem::take(&mut self.kept),
            std::mem::replace(&mut self.live, Live::Ended),
        )
    }

    /// `reader` has gone. What only it could read goes with it.
    #[must_use = "to be dropped after the lock"]
    pub(super) fn leave(&mut self, reader: u64) -> impl Sized + use<B> {
        self.readers.retain(|id| *id != reader);
        (self.claim == Claim::Only(reader)).then(|| self.fail())
    }

    pub(super) fn is_at_end(&self, reader: u64, next: usize) -> bool {
        let ended = matches!(self.live, Live::Ended) && next >= self.kept.len();
        ended && self.admits(reader)
    }

    /// How much `reader` has still to read from `next` on.
    pub(super) fn left(&self, reader: u64, next: usize) -> SizeHint {
        let mut left = SizeHint::new();
        if !self.admits(reader) {
            return left;
        }
        let kept = self.kept.iter().skip(next).map(Piece::data_len);
        let kept = kept.fold(0_u64, |sum, len| sum.saturating_add(len as u64));
        if let Some(upper) = self.rest.upper().and_then(|rest| rest.checked_add(kept)) {
            left.set_upper(upper);
        }
        left.set_lower(self.rest.lower().saturating_add(kept));
        left
    }
}
