//! What of a response is kept.

use http::{HeaderMap, StatusCode};

use crate::idempotency::{Disposition, OnError, Tombstone};

/// What is to become of the key of a request that was answered.
///
/// A handler that knows better than the status says so in the extensions of its response. It is taken
/// out of there before the response goes out.
///
/// ```
/// use http::{Response, StatusCode};
/// use mainstay::http::Verdict;
///
/// // The card network was asked, and its answer was lost.
/// let mut response = Response::new("try later");
/// *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
/// response.extensions_mut().insert(Verdict::Unknown);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The response is the result: repeats get it.
    Keep,
    /// Nothing was done: a repeat runs.
    Release,
    /// It was done, and the response is not to be kept: repeats are refused with
    /// [`Kind::ResultUnavailable`](crate::Kind::ResultUnavailable).
    Tombstone,
    /// It is not known whether it was done: the lease lapses, and then
    /// [`OnLapse`](crate::idempotency::OnLapse) decides.
    Unknown,
}

impl Verdict {
    /// What is kept of a response of which no byte matters; `None` for one that is kept itself.
    pub(super) const fn without_reading(self) -> Option<Disposition> {
        match self {
            Self::Keep => None,
            Self::Release => Some(Disposition::Release),
            Self::Tombstone => Some(Disposition::Tombstone(Tombstone::ByHandler)),
            Self::Unknown => Some(Disposition::Unknown),
        }
    }
}

/// Says by its status what of a response is kept.
///
/// | Result | [`at_most_once`](Self::at_most_once) | [`at_least_once`](Self::at_least_once) |
/// |---|---|---|
/// | 408, 409, 425, 429, 503 | release: by convention nothing was done | release |
/// | other 5xx | keep: a layer cannot see what was done before the handler failed | release |
/// | all else | keep | keep |
/// | a refusal of a layer further in | as its [`Executed`](crate::Executed) says | as it says |
/// | another error | tombstone | release |
///
/// A 4xx is kept since the repeat of a request that is corrected is another request, with another
/// fingerprint. `Cache-Control: no-store` speaks of caches, and a record is none: the response is kept.
/// 1xx is never recorded.
#[derive(Clone, Debug)]
pub struct ResultPolicy {
    server_errors: Verdict,
    errors: OnError,
    statuses: Vec<(StatusCode, Verdict)>,
}

impl Default for ResultPolicy {
    fn default() -> Self {
        Self::at_most_once()
    }
}

impl ResultPolicy {
    /// What was begun is not begun again. The default.
    pub const fn at_most_once() -> Self {
        Self {
            server_errors: Verdict::Keep,
            errors: OnError::Tombstone,
            statuses: Vec::new(),
        }
    }

    /// What failed may be begun again. For handlers that are safe to repeat after a failure, as those
    /// with one transaction.
    pub const fn at_least_once() -> Self {
        Self::at_most_once().retry_server_errors()
    }

    /// Releases the key after a 5xx, and after an error that is no refusal.
    #[must_use]
    pub const fn retry_server_errors(mut self) -> Self {
        self.server_errors = Verdict::Release;
        self.errors = OnError::Release;
        self
    }

    /// After a 5xx other than 503, and after an error that is no refusal, it is not known whether the
    /// request was done.
    #[must_use]
    pub const fn unknown_on_server_error(mut self) -> Self {
        self.server_errors = Verdict::Unknown;
        self.errors = OnError::Unknown;
        self
    }

    /// Decides so for this status, whatever is said of it above.
    #[must_use]
    pub fn status(mut self, status: StatusCode, verdict: Verdict) -> Self {
        self.statuses.retain(|(known, _)| *known != status);
        self.statuses.push((status, verdict));
        self
    }

    fn of_status(&self, status: StatusCode) -> Verdict {
        let mut said = self.statuses.iter();
        if let Some((_, verdict)) = said.find(|(known, _)| *known == status) {
            return *verdict;
        }
        match status.as_u16() {
            408 | 409 | 425 | 429 | 503 => Verdict::Release,
            500..=599 => self.server_errors,
            _ => Verdict::Keep,
        }
    }
}

/// Decides by a protocol's status.
pub(crate) trait Judge: Send + Sync + 'static {
    /// What an error means that is no refusal.
    fn on_error(&self) -> OnError;

    /// By the head of a response; `None` where its trailers decide.
    fn of_head(&self, status: StatusCode, headers: &HeaderMap) -> Option<Verdict>;

    /// By what came after the body.
    fn of_trailers(&self, trailers: Option<&HeaderMap>) -> Verdict;
}

impl Judge for ResultPolicy {
    fn on_error(&self) -> OnError {
        self.errors
    }

    fn of_head(&self, status: StatusCode, _headers: &HeaderMap) -> Option<Verdict> {
        Some(self.of_status(status))
    }

    fn of_trailers(&self, _trailers: Option<&HeaderMap>) -> Verdict {
        Verdict::Keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Keep, Release, Tombstone, Unknown};

    fn of(policy: &ResultPolicy, status: u16) -> Verdict {
        policy.of_status(StatusCode::from_u16(status).unwrap())
    }

    #[test]
    fn every_status_has_one_verdict_in_each_preset() {
        // Fault 25.
        let presets = [
            (ResultPolicy::default(), Keep, OnError::Tombstone),
            (ResultPolicy::at_most_once(), Keep, OnError::Tombstone),
            (ResultPolicy::at_least_once(), Release, OnError::Release),
            (
                ResultPolicy::default().unknown_on_server_error(),
                Unknown,
                OnError::Unknown,
            ),
            (
                ResultPolicy::at_least_once().retry_server_errors(),
                Release,
                OnError::Release,
            ),
        ];
        for (policy, server_errors, errors) in presets {
            for status in 100..=999 {
                let expected = match status {
                    408 | 409 | 425 | 429 | 503 => Release,
                    500..=599 => server_errors,
                    _ => Keep,
                };
                assert_eq!(of(&policy, status), expected, "{status} by {policy:?}");
            }
            assert_eq!(policy.on_error(), errors);
        }
    }

    #[test]
    fn what_was_said_last_of_a_status_counts() {
        // Fault 25.
        let policy = ResultPolicy::default()
            .status(StatusCode::OK, Release)
            .status(StatusCode::SERVICE_UNAVAILABLE, Unknown)
            .status(StatusCode::OK, Tombstone)
            .retry_server_errors();
        assert_eq!(of(&policy, 200), Tombstone);
        assert_eq!(of(&policy, 503), Unknown);
        assert_eq!(of(&policy, 201), Keep);
        assert_eq!(of(&policy, 500), Release);
    }
}
