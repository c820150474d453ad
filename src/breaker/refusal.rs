//! What a call that is refused is told.

use std::time::Duration;

use crate::error::{Executed, Kind, Rejection};
use crate::name::Name;
use crate::time::Instant;

/// A circuit that would refuse a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shut {
    /// Until then, in nanoseconds since the origin, as far as is known.
    pub(super) until: Option<u64>,
    /// The time at which that was seen, if the clock was read.
    pub(super) seen: Option<u64>,
}

impl Shut {
    pub(super) const FOR_GOOD: Self = Self {
        until: None,
        seen: None,
    };
}

/// A call is not admitted; after how many nanoseconds it is worth coming back, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) Option<u64>);

impl Refused {
    /// How a call is refused at `now` by a circuit that is open until then; not at all when that is over.
    pub(super) fn at(now: u64, until: u64) -> Option<Self> {
        let left = until.checked_sub(now).filter(|left| *left > 0)?;
        Some(Self(Some(left)))
    }

    /// 584 years is the end of time.
    pub(super) fn until(until: Option<Instant>, now: Instant) -> Self {
        let left = until.map(|until| until.saturating_duration_since(now).as_nanos());
        Self(left.map(|left| u64::try_from(left).unwrap_or(u64::MAX)))
    }
}

/// A refusal that its future has not given out yet. It takes less than the refusal itself, so that the
/// future of a call that is admitted does not carry the difference. And it has whole words only: what
/// shares its place with the permit of an admitted call is copied in the same pieces.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) name: Name,
    pub(super) why: Why,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Why {
    /// The caller's deadline had passed.
    TooLate,
    Shut(Refused),
}

impl Why {
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::TooLate => Kind::DeadlineExceeded,
            Self::Shut(_) => Kind::CircuitOpen,
        }
    }
}

impl Refusal {
    pub(super) fn into_rejection(self) -> Rejection {
        let rejection = Rejection::new(self.why.kind(), Executed::No, self.name);
        match self.why {
            Why::Shut(Refused(Some(nanos))) => rejection.after(Duration::from_nanos(nanos)),
            Why::Shut(Refused(None)) | Why::TooLate => rejection,
        }
    }
}
