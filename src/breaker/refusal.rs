//! What a call that is refused is told, as far as its refusal is not there yet.

use std::time::Duration;

use crate::error::{Executed, Kind, Rejection};
use crate::name::Name;

use super::permit::Refused;

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
