//! What of a reply is kept.

use http::{HeaderMap, StatusCode};

use crate::http::{Judge, Verdict};
use crate::idempotency::OnError;

use super::Code;

/// Says by its status code, in the head or in the trailers, what of a reply is kept. For
/// [`RecordResponse`](crate::http::RecordResponse).
///
/// | Code | [`at_most_once`](Self::at_most_once) | [`at_least_once`](Self::at_least_once) |
/// |---|---|---|
/// | `ABORTED`, `RESOURCE_EXHAUSTED` | release: the service says that it did not go through with it | release |
/// | `CANCELLED`, `DEADLINE_EXCEEDED` | unknown: it may be running yet | unknown |
/// | `UNAVAILABLE`, `UNKNOWN` | unknown | release |
/// | `INTERNAL`, `DATA_LOSS` | keep: a layer cannot see what was done before the handler failed | release |
/// | all else | keep: it is an answer | keep |
/// | a refusal of a layer further in | as its [`Executed`](crate::Executed) says | as it says |
/// | another error | tombstone | release |
///
/// `UNAVAILABLE` is what a client library says of a connection that broke while a call was under way, so
/// a handler that passes on what it was told by a service behind it may have done everything;
/// gRPC's `statuscodes.md` warns that it is not always safe to repeat. `UNKNOWN` is what becomes of an
/// error that has no code, and of a response that ends without one. Where a service is known to give
/// `UNAVAILABLE` before it begins, say so: `.code(Code::Unavailable, Verdict::Release)`.
#[derive(Clone, Debug)]
pub struct ResultPolicy {
    broken: Verdict,
    lost: Verdict,
    errors: OnError,
    codes: Vec<(Code, Verdict)>,
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
            broken: Verdict::Keep,
            lost: Verdict::Unknown,
            errors: OnError::Tombstone,
            codes: Vec::new(),
        }
    }

    /// What failed may be begun again. For handlers that are safe to repeat after a failure, as those
    /// with one transaction.
    pub const fn at_least_once() -> Self {
        Self::at_most_once().retry_server_errors()
    }

    /// Releases the key after `INTERNAL`, `DATA_LOSS`, `UNKNOWN` and `UNAVAILABLE`, and after an error that
    /// is no refusal.
    #[must_use]
    pub const fn retry_server_errors(mut self) -> Self {
        self.broken = Verdict::Release;
        self.lost = Verdict::Release;
        self.errors = OnError::Release;
        self
    }

    /// After `INTERNAL`, `DATA_LOSS`, `UNKNOWN` and `UNAVAILABLE`, and after an error that is no refusal, it
    /// is not known whether the call was done.
    #[must_use]
    pub const fn unknown_on_server_error(mut self) -> Self {
        self.broken = Verdict::Unknown;
        self.lost = Verdict::Unknown;
        self.errors = OnError::Unknown;
        self
    }

    /// Decides so for this code, whatever is said of it above.
    #[must_use]
    pub fn code(mut self, code: Code, verdict: Verdict) -> Self {
        self.codes.retain(|(known, _)| *known != code);
        self.codes.push((code, verdict));
        self
    }

    fn of_code(&self, code: Code) -> Verdict {
        let mut said = self.codes.iter();
        if let Some((_, verdict)) = said.find(|(known, _)| *known == code) {
            return *verdict;
        }
        match code {
            Code::Aborted | Code::ResourceExhausted => Verdict::Release,
            Code::Cancelled | Code::DeadlineExceeded => Verdict::Unknown,
            Code::Unavailable | Code::Unknown => self.lost,
            Code::Internal | Code::DataLoss => self.broken,
            Code::Ok
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated => Verdict::Keep,
        }
    }
}

impl Judge for ResultPolicy {
    fn on_error(&self) -> OnError {
        self.errors
    }

    fn of_head(&self, status: StatusCode, headers: &HeaderMap) -> Option<Verdict> {
        let said = Code::of_metadata(headers);
        let no_grpc = (status != StatusCode::OK).then(|| Code::of_http(status));
        said.or(no_grpc).map(|code| self.of_code(code))
    }

    fn of_trailers(&self, trailers: Option<&HeaderMap>) -> Verdict {
        let code = trailers.and_then(Code::of_metadata);
        self.of_code(code.unwrap_or(Code::Unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Keep, Release, Unknown};

    /// By the trailers, and by the head, which must agree.
    fn of(policy: &ResultPolicy, code: Code) -> Verdict {
        let mut metadata = HeaderMap::new();
        metadata.insert("grpc-status", u16::from(code.number()).into());
        let verdict = policy.of_trailers(Some(&metadata));
        assert_eq!(policy.of_head(StatusCode::OK, &metadata), Some(verdict));
        verdict
    }

    #[test]
    fn every_code_has_one_verdict_in_each_preset() {
        // Faults 25 and 32.
        let presets = [
            (ResultPolicy::default(), Unknown, Keep),
            (ResultPolicy::at_most_once(), Unknown, Keep),
            (ResultPolicy::at_least_once(), Release, Release),
            (
                ResultPolicy::default().unknown_on_server_error(),
                Unknown,
                Unknown,
            ),
        ];
        for (policy, lost, broken) in presets {
            for code in Code::ALL {
                let expected = match code.number() {
                    8 | 10 => Release,
                    1 | 4 => Unknown,
                    2 | 14 => lost,
                    13 | 15 => broken,
                    _ => Keep,
                };
                assert_eq!(of(&policy, code), expected, "{code:?} by {policy:?}");
            }
        }
        assert_eq!(ResultPolicy::default().on_error(), OnError::Tombstone);
        assert_eq!(ResultPolicy::at_least_once().on_error(), OnError::Release);
        let unknown = ResultPolicy::default().unknown_on_server_error();
        assert_eq!(unknown.on_error(), OnError::Unknown);
    }

    #[test]
    fn what_was_said_last_of_a_code_counts() {
        let policy = ResultPolicy::at_least_once()
            .code(Code::Unavailable, Keep)
            .code(Code::Unavailable, Unknown)
            .code(Code::Ok, Verdict::Tombstone);
        assert_eq!(of(&policy, Code::Unavailable), Unknown);
        assert_eq!(of(&policy, Code::Ok), Verdict::Tombstone);
        assert_eq!(of(&policy, Code::Internal), Release);
    }

    #[test]
    fn a_reply_without_a_code_is_unknown_and_its_head_decides_nothing() {
        // Fault 32.
        let policy = ResultPolicy::at_most_once();
        let none = HeaderMap::new();
        assert_eq!(policy.of_head(StatusCode::OK, &none), None);
        assert_eq!(policy.of_trailers(None), Unknown);
        assert_eq!(policy.of_trailers(Some(&none)), Unknown);
    }

    #[test]
    fn a_response_that_is_no_grpc_is_read_by_its_status() {
        let policy = ResultPolicy::at_most_once();
        let head = |status| policy.of_head(status, &HeaderMap::new());
        assert_eq!(head(StatusCode::NOT_FOUND), Some(Keep));
        assert_eq!(head(StatusCode::SERVICE_UNAVAILABLE), Some(Unknown));
    }
}
