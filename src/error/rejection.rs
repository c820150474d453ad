//! What a layer says when it ends a call itself.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::name::Name;

/// Why a layer ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The layer's own limit passed while the inner service worked.
    Timeout,
    /// The caller's deadline passed, before or while the inner service worked.
    DeadlineExceeded,
    /// A circuit breaker admits no calls, or no more probes.
    CircuitOpen,
    /// No permit is free and the queue is full.
    BulkheadFull,
    /// A place in the queue did not become a permit in time.
    QueueTimeout,
    /// A further attempt could not be sent, because the inner service did not become ready in time or
    /// the request was not whole any more, and the response of the attempt before had been given up
    /// for it.
    NotReady,
    /// The request needs an idempotency key and has none.
    KeyMissing,
    /// The idempotency key cannot be read, or is out of its bounds.
    KeyMalformed,
    /// Whose the idempotency key is cannot be told, so it would be everyone's.
    ScopeMissing,
    /// The idempotency key was used before, for another request.
    KeyReused,
    /// A request with the same idempotency key runs at this moment.
    InFlight,
    /// A request with the same idempotency key ran, and how it ended is not known.
    OutcomeUnknown,
    /// A request with the same idempotency key was run to its end, and its response was not kept.
    ResultUnavailable,
    /// The body is larger than what may be kept to compare it.
    BodyTooLarge,
    /// The body could not be read to its end.
    BodyFailed,
    /// What has run cannot be looked up or kept, so nothing may run.
    StoreUnavailable,
    /// There is no room to remember one more request.
    StoreFull,
    /// No more requests may wait for another with the same idempotency key.
    TooManyWaiters,
    /// The service is about to stop and begins no more work.
    ShuttingDown,
    /// The fencing token is of a term that is over: a later leader has begun.
    StaleToken,
    /// The request needs a fencing token and has none.
    TokenMissing,
    /// The fencing token cannot be read.
    TokenMalformed,
    /// The term of the fencing token could not be recorded, so nothing of it may run.
    TermUnrecorded,
    /// This node is not the leader, and the leader alone serves the request. Nobody has run it.
    NotLeader,
    /// The lease ended while the leader ran the request. It was cut off, and how much of it was done is not
    /// known; or it was done, and the answer came too late to be given out.
    LeadershipLost,
}

impl Kind {
    /// The kind as a metric label: `timeout`, `circuit_open` and so on.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::CircuitOpen => "circuit_open",
            Self::BulkheadFull => "bulkhead_full",
            Self::QueueTimeout => "queue_timeout",
            Self::NotReady => "not_ready",
            Self::KeyMissing => "key_missing",
            Self::KeyMalformed => "key_malformed",
            Self::ScopeMissing => "scope_missing",
            Self::KeyReused => "key_reused",
            Self::InFlight => "in_flight",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::ResultUnavailable => "result_unavailable",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyFailed => "body_failed",
            Self::StoreUnavailable => "store_unavailable",
            Self::StoreFull => "store_full",
            Self::TooManyWaiters => "too_many_waiters",
            Self::ShuttingDown => "shutting_down",
            Self::StaleToken => "stale_token",
            Self::TokenMissing => "token_missing",
            Self::TokenMalformed => "token_malformed",
            Self::TermUnrecorded => "term_unrecorded",
            Self::NotLeader => "not_leader",
            Self::LeadershipLost => "leadership_lost",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Timeout => "the call took too long",
            Self::DeadlineExceeded => "the deadline has passed",
            Self::CircuitOpen => "the circuit is open",
            Self::BulkheadFull => "the bulkhead and its queue are full",
            Self::QueueTimeout => "no permit became free in time",
            Self::NotReady => "another attempt could not be sent",
            Self::KeyMissing => "the idempotency key is missing",
            Self::KeyMalformed => "the idempotency key is malformed",
            Self::ScopeMissing => "whose the idempotency key is cannot be told",
            Self::KeyReused => "the idempotency key was used for another request",
            Self::InFlight => "a request with this idempotency key is running",
            Self::OutcomeUnknown => "how the request with this idempotency key ended is not known",
            Self::ResultUnavailable => {
                "the response to the request with this idempotency key was not kept"
            }
            Self::BodyTooLarge => "the body is too large",
            Self::BodyFailed => "the body could not be read",
            Self::StoreUnavailable => "the store of idempotency keys is unavailable",
            Self::StoreFull => "the store of idempotency keys is full",
            Self::TooManyWaiters => "too many requests wait for this idempotency key",
            Self::ShuttingDown => "the service is shutting down",
            Self::StaleToken => "the fencing token is of a term that is over",
            Self::TokenMissing => "the fencing token is missing",
            Self::TokenMalformed => "the fencing token is malformed",
            Self::TermUnrecorded => "the term of the fencing token could not be recorded",
            Self::NotLeader => "this node is not the leader",
            Self::LeadershipLost => "the lease ended while the call ran",
        }
    }
}

/// The [`label`](Kind::label).
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Whether the inner service can have run the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Executed {
    /// It never saw the request: a repeat is safe, whatever the request does.
    No,
    /// It may have run it, wholly, in part, or not at all.
    #[default]
    Unknown,
    /// It ran it.
    Yes,
}

/// A call that a layer ended itself.
///
/// Building one allocates nothing. It is an error in its own right, so it fits into
/// [`tower::BoxError`], and any error type can hold it by `From<Rejection>`.
#[derive(Clone, Debug)]
pub struct Rejection {
    kind: Kind,
    executed: Executed,
    layer: Name,
    detail: Detail,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Copy, Debug)]
enum Detail {
    None,
    RetryAfter(Duration),
    Limit { limit: Duration, elapsed: Duration },
}

impl Rejection {
    /// A refusal of `kind` by the instance named `layer`.
    pub const fn new(kind: Kind, executed: Executed, layer: Name) -> Self {
        Self {
            kind,
            executed,
            layer,
            detail: Detail::None,
            source: None,
        }
    }

    /// Says when it is worth coming back. Replaces a limit said before.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.detail = Detail::RetryAfter(wait);
        self
    }

    /// Says what limit passed and how much time had gone by. Replaces a wait said before.
    #[must_use]
    pub fn limit(mut self, limit: Duration, elapsed: Duration) -> Self {
        self.detail = Detail::Limit { limit, elapsed };
        self
    }

    /// Says that the request may have run after all: a layer further out sent it before.
    #[must_use]
    pub(crate) const fn may_have_run(mut self) -> Self {
        self.executed = Executed::Unknown;
        self
    }

    /// Says what caused the refusal.
    #[must_use]
    pub fn because(mut self, source: Arc<dyn StdError + Send + Sync>) -> Self {
        self.source = Some(source);
        self
    }

    /// Why the call was ended.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the inner service can have run the request.
    pub const fn executed(&self) -> Executed {
        self.executed
    }

    /// The name of the instance that refused.
    pub fn layer(&self) -> &str {
        &self.layer
    }

    /// How long to stay away, where the layer knows.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.detail {
            Detail::RetryAfter(wait) => Some(wait),
            Detail::None | Detail::Limit { .. } => None,
        }
    }

    /// The limit that passed and the time that had gone by, for a timeout.
    pub const fn limit_and_elapsed(&self) -> Option<(Duration, Duration)> {
        match self.detail {
            Detail::Limit { limit, elapsed } => Some((limit, elapsed)),
            Detail::None | Detail::RetryAfter(_) => None,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.layer, self.kind.message())?;
        match self.detail {
            Detail::None => Ok(()),
            Detail::RetryAfter(wait) => write!(f, "; try again in {wait:?}"),
            Detail::Limit { limit, elapsed } => write!(f, " ({elapsed:?} of {limit:?})"),
        }
    }
}

impl StdError for Rejection {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_small_enough_to_be_returned_by_value() {
        assert!(size_of::<Rejection>() <= 80, "{}", size_of::<Rejection>());
    }

    #[test]
    fn display_is_one_line_at_this_level_and_the_cause_is_the_source() {
        let cause = Arc::new(fmt::Error);
        let refusal = Rejection::new(Kind::CircuitOpen, Executed::No, "db".into())
            .after(Duration::from_secs(5))
            .because(cause);
        assert_eq!(
            refusal.to_string(),
            "db: the circuit is open; try again in 5s"
        );
        assert!(refusal.source().is_some());
        assert_eq!(refusal.retry_after(), Some(Duration::from_secs(5)));
        assert_eq!(refusal.limit_and_elapsed(), None);
    }
}
