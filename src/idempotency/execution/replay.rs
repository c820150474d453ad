//! The response that an execution's result is made into again.

use std::sync::Arc;

use crate::error::{Executed, Kind};
use crate::idempotency::refusal::{Failure, Refusal};
use crate::idempotency::shared::Shared;
use crate::idempotency::{Capture, Stored};

/// # Errors
/// When only the fact was kept, or the record cannot be read: the request has run all the same.
pub(in crate::idempotency) fn replay<C, R, E, T>(
    shared: &Shared<T>,
    capture: &C,
    stored: Stored,
) -> Result<C::Outer, Failure<E>>
where
    C: Capture<R, E>,
{
    let lost = Refusal::new(Kind::ResultUnavailable, Executed::Yes);
    match stored {
        Stored::Tombstone(_) => Err(lost.into()),
        Stored::Record(record) => match capture.replay(record) {
            Ok(response) => {
                shared.figures.replays.increment(1);
                Ok(response)
            }
            Err(unreadable) => Err(lost.because(Arc::new(unreadable)).into()),
        },
    }
}
