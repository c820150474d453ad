//! What a call that is refused is told, as far as its refusal is not there yet.

use std::time::Duration;

use crate::error::{Executed, Kind, Rejection};
use crate::name::Name;

/// A refusal that its future has not given out yet. It takes less than the refusal itself, so that the future
/// of a call that is admitted does not carry the difference.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) name: Name,
    pub(super) why: Why,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Why {
    /// The caller's deadline had passed.
    TooLate,
    /// The circuit admits no calls, and when it is worth coming back, as far as is known.
    Shut(Option<Duration>),
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
            Why::Shut(Some(after)) => rejection.after(after),
            Why::Shut(None) | Why::TooLate => rejection,
        }
    }
}
