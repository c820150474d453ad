//! How a call under a key ends that gets no response.

use std::ops::Deref;
use std::time::Duration;

use crate::error::{Executed, Kind, Rejection, StackError};
use crate::telemetry::{End, Metered, Tally};

use super::Unfit;
use super::shared::Cause;

/// A refusal before it is counted and named.
#[derive(Debug)]
pub(super) struct Refusal {
    kind: Kind,
    executed: Executed,
    after: Option<Duration>,
    because: Option<Cause>,
}

const AFTER_MIN: Duration = Duration::from_secs(1);
const AFTER_MAX: Duration = Duration::from_secs(30);

impl Refusal {
    pub(super) const fn new(kind: Kind, executed: Executed) -> Self {
        Self {
            kind,
            executed,
            after: None,
            because: None,
        }
    }

    /// Another call with the key runs. This one did not, and may be repeated: the key sees to it.
    pub(super) fn in_flight(lease_left: Duration) -> Self {
        Self::new(Kind::InFlight, Executed::No).after(lease_left)
    }

    /// Nothing ran, and it is worth trying again in a second.
    pub(super) fn for_now(kind: Kind) -> Self {
        Self::new(kind, Executed::No).after(AFTER_MIN)
    }

    /// Says when to come back, from one second to thirty.
    pub(super) fn after(mut self, wait: Duration) -> Self {
        self.after = Some(wait.clamp(AFTER_MIN, AFTER_MAX));
        self
    }

    pub(super) fn because(self, cause: Cause) -> Self {
        self.caused(Some(cause))
    }

    /// By a cause that may not be known.
    pub(super) fn caused(mut self, cause: Option<Cause>) -> Self {
        self.because = cause;
        self
    }
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        Self {
            because: unfit.because,
            ..Self::new(unfit.kind, Executed::No)
        }
    }
}

/// Why a call has no response.
#[derive(Debug)]
pub(super) enum Failure<E> {
    Refused(Refusal),
    Inner(E),
}

impl<E> From<Refusal> for Failure<E> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E: StackError> Failure<E> {
    /// Counts it and makes the error of it.
    pub(super) fn count<T: Metered, R: Deref<Target = T>>(self, tally: &mut Tally<T, R>) -> E {
        match self {
            Self::Inner(error) => {
                tally.end(End::Error);
                error
            }
            Self::Refused(refusal) => refusal.count(tally).into(),
        }
    }
}

impl Refusal {
    fn count<T: Metered, R: Deref<Target = T>>(self, tally: &mut Tally<T, R>) -> Rejection {
        let mut rejection = tally.reject(self.kind, self.executed);
        if let Some(wait) = self.after {
            rejection = rejection.after(wait);
        }
        if let Some(cause) = self.because {
            rejection = rejection.because(cause);
        }
        rejection
    }
}
