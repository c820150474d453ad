//! What a result means: one classifier for every layer that learns from results.

use std::time::Duration;

use crate::error::{Executed, Kind, StackError};

/// What a result says of the service that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The service works.
    Success,
    /// The service failed.
    Failure(Failure),
    /// The result says nothing of the service: it counts neither way and is not retried.
    Ignored,
}

impl Outcome {
    /// The failure, if it is one.
    pub const fn failure(self) -> Option<Failure> {
        match self {
            Self::Failure(failure) => Some(failure),
            Self::Success | Self::Ignored => None,
        }
    }
}

/// A failure, as the layers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Failure {
    transient: bool,
    overload: bool,
    executed: Executed,
    pushback: Pushback,
}

/// What the service asked of its callers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pushback {
    /// Nothing.
    #[default]
    None,
    /// Come back after this time, and not before.
    After(Duration),
    /// Do not come back with this request.
    Never,
}

impl Failure {
    /// A failure that a repeat may cure.
    pub const fn transient() -> Self {
        Self {
            transient: true,
            overload: false,
            executed: Executed::Unknown,
            pushback: Pushback::None,
        }
    }

    /// A failure that a repeat would only meet again.
    pub const fn permanent() -> Self {
        Self {
            transient: false,
            ..Self::transient()
        }
    }

    /// A transient failure because the service has more to do than it can: further load makes it
    /// worse, so layers hold back longer.
    pub const fn overload() -> Self {
        Self {
            overload: true,
            ..Self::transient()
        }
    }

    /// Says what the service asked for.
    pub const fn pushback(mut self, pushback: Pushback) -> Self {
        self.pushback = pushback;
        self
    }

    /// Says whether the request can have run; unknown unless said.
    pub const fn executed(mut self, executed: Executed) -> Self {
        self.executed = executed;
        self
    }

    /// Whether a repeat may cure it.
    pub const fn is_transient(self) -> bool {
        self.transient
    }

    /// Whether the service has more to do than it can.
    pub const fn is_overload(self) -> bool {
        self.overload
    }

    /// Whether the request can have run.
    pub const fn was_executed(self) -> Executed {
        self.executed
    }

    /// What the service asked for.
    pub const fn asked(self) -> Pushback {
        self.pushback
    }
}

/// Reads an [`Outcome`] from a result. Closures of the same shape are classifiers.
///
/// It runs on every call, so it should only look; it must not panic.
///
/// ```
/// use mainstay::{Classify, Failure, Outcome};
///
/// let by_status = |result: Result<&u16, &std::io::Error>| match result {
///     Ok(503) => Outcome::Failure(Failure::overload()),
///     Ok(_) => Outcome::Success,
///     Err(_) => Outcome::Failure(Failure::transient()),
/// };
/// assert_eq!(by_status.classify(Ok(&200)), Outcome::Success);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot classify `Result<&{Res}, &{Err}>`",
    note = "a classifier is a `Fn(Result<&Response, &Error>) -> mainstay::Outcome`; name the argument's type in the closure: `|result: Result<&Response, &Error>| ...`"
)]
pub trait Classify<Res, Err> {
    /// What `result` says of the service that gave it.
    fn classify(&self, result: Result<&Res, &Err>) -> Outcome;
}

impl<F, Res, Err> Classify<Res, Err> for F
where
    F: Fn(Result<&Res, &Err>) -> Outcome,
{
    fn classify(&self, result: Result<&Res, &Err>) -> Outcome {
        self(result)
    }
}

/// The default classifier: a response is a success, an error a transient failure.
///
/// Of refusals, only [`Kind::Timeout`] is a failure of the service. The others were said on this
/// side of it, or because the caller's time was up, so they are [`Outcome::Ignored`]: a retry does
/// not spin against a circuit that is open or a bulkhead that is full, and to a breaker they count as
/// nothing, save that a call which its deadline ended while it ran counts as one that was given up. To
/// retry those too, classify them in a closure;
/// [`Rejection::executed`](crate::Rejection::executed) then makes even an unsafe repeat safe.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByError;

impl<Res, Err: StackError> Classify<Res, Err> for ByError {
    fn classify(&self, result: Result<&Res, &Err>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(error) => of_error(error),
        }
    }
}

/// How [`ByError`] reads an error, for classifiers that only add to what responses mean.
pub fn of_error<E: StackError>(error: &E) -> Outcome {
    match error.rejection() {
        None => Outcome::Failure(Failure::transient()),
        Some(refusal) if refusal.kind() == Kind::Timeout => {
            Outcome::Failure(Failure::transient().executed(refusal.executed()))
        }
        Some(_) => Outcome::Ignored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Rejection};

    fn of(kind: Kind, executed: Executed) -> Outcome {
        let error = Error::<()>::from(Rejection::new(kind, executed, "x".into()));
        ByError.classify(Err::<&(), _>(&error))
    }

    #[test]
    fn a_timeout_is_a_failure_and_what_was_refused_before_the_call_is_none() {
        let timeout = of(Kind::Timeout, Executed::Unknown).failure().unwrap();
        assert!(timeout.is_transient() && !timeout.is_overload());
        assert_eq!(timeout.was_executed(), Executed::Unknown);
        for kind in [
            Kind::DeadlineExceeded,
            Kind::CircuitOpen,
            Kind::BulkheadFull,
            Kind::QueueTimeout,
            Kind::NotReady,
        ] {
            assert_eq!(of(kind, Executed::No), Outcome::Ignored, "{kind:?}");
        }
    }

    #[test]
    fn an_inner_error_is_transient_and_a_response_a_success() {
        let outcome = ByError.classify(Err::<&(), _>(&Error::Inner(1)));
        assert_eq!(outcome, Outcome::Failure(Failure::transient()));
        assert_eq!(ByError.classify(Ok::<_, &Error<()>>(&1)), Outcome::Success);
    }
}
