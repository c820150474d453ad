//! What a response's status code says of the service that gave it.

use http::{HeaderMap, StatusCode};

use crate::classify::{Classify, Failure, Outcome, Pushback, of_error};
use crate::error::StackError;
use crate::http::retry_after;

use super::{Code, pushback};

/// Reads the outcome of a gRPC call from its status code and what the service asks for.
///
/// | Code | Outcome | Why |
/// |---|---|---|
/// | `OK` | success | |
/// | `UNAVAILABLE` | transient failure | it is for what a repeat of just this call may cure (`google/rpc/code.proto`) |
/// | `RESOURCE_EXHAUSTED` | transient failure by overload | the server is out of resources for the time being, or the caller's quota is (`statuscodes.md`) |
/// | `DEADLINE_EXCEEDED`, `UNKNOWN`, `INTERNAL`, `DATA_LOSS` | failure; a repeat is not for others to decide | the service hangs or is broken, and may have run the call |
/// | `CANCELLED` | ignored | as a rule the caller did it |
/// | `UNIMPLEMENTED` | success | the service is there and does not know the method |
/// | `ABORTED` | success | the call lost against another; what is to be repeated is more than this call (`code.proto`) |
/// | `INVALID_ARGUMENT`, `NOT_FOUND`, `ALREADY_EXISTS`, `PERMISSION_DENIED`, `FAILED_PRECONDITION`, `OUT_OF_RANGE`, `UNAUTHENTICATED` | success | an answer: the service judged the request, as with a 4xx |
///
/// [`transient`](Self::transient) and [`answers`](Self::answers) change the table. A failure carries the
/// [`pushback()`] of the same metadata. The code comes first: pushback on an answer changes nothing, and
/// on a failure that is not transient it opens a breaker and repeats nothing.
///
/// # Where the code is
/// In the head of the response when the call failed before it sent anything (Trailers-Only). A head
/// without one is a call under way: **success, for those who must decide by it.** A retry commits to it,
/// as gRFC A6 says of Response-Headers. What becomes of it is said in the trailers, which nobody waits
/// for here; a breaker learns of it through `AtTrailers`.
///
/// A head whose HTTP status is not 200 comes from something in between, and has the code of
/// [`Code::of_http`]. Then `Retry-After` is read too, in the absence of gRPC's own.
///
/// Errors are read as [`of_error`] does.
#[derive(Clone, Copy, Debug)]
pub struct ByCode {
    /// One bit for each number.
    transient: u32,
    answers: u32,
}

impl Default for ByCode {
    fn default() -> Self {
        Self {
            transient: bit(Code::Unavailable) | bit(Code::ResourceExhausted),
            answers: 0,
        }
    }
}

impl ByCode {
    /// The codes that a repeat may cure, instead of `UNAVAILABLE` and `RESOURCE_EXHAUSTED`. What is
    /// named here is a failure, whatever the table says of it; `OK` never is.
    ///
    /// gRPC asks to name only codes that say that the call was not processed, and others where the
    /// method is idempotent (gRFC A6, *Retryable Status Codes*).
    #[must_use]
    pub fn transient(mut self, codes: impl IntoIterator<Item = Code>) -> Self {
        self.transient = bits(codes);
        self
    }

    /// The codes that are answers besides those of the table: successes, never repeated. Such as
    /// `RESOURCE_EXHAUSTED` where it speaks of one caller's quota, and would open a circuit for all.
    ///
    /// A code that is named here is an answer, whatever else is said of it.
    #[must_use]
    pub fn answers(mut self, codes: impl IntoIterator<Item = Code>) -> Self {
        self.answers = bits(codes);
        self
    }

    /// What `code` says, without pushback.
    pub fn outcome(&self, code: Code) -> Outcome {
        let is_transient = self.transient & bit(code) != 0;
        match code {
            Code::Ok => Outcome::Success,
            _ if self.answers & bit(code) != 0 => Outcome::Success,
            Code::ResourceExhausted if is_transient => Outcome::Failure(Failure::overload()),
            _ if is_transient => Outcome::Failure(Failure::transient()),
            Code::Cancelled => Outcome::Ignored,
            Code::Unknown
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss => Outcome::Failure(Failure::permanent()),
            Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated => Outcome::Success,
        }
    }

    /// What the trailers of a call say. Those without a status are `UNKNOWN`.
    pub fn of_trailers(&self, trailers: &HeaderMap) -> Outcome {
        self.of_code(
            Code::of_metadata(trailers).unwrap_or(Code::Unknown),
            trailers,
        )
    }

    fn of_code(self, code: Code, metadata: &HeaderMap) -> Outcome {
        match self.outcome(code) {
            Outcome::Failure(failure) => Outcome::Failure(failure.pushback(pushback(metadata))),
            other => other,
        }
    }

    /// What the head of a response says; `None` while the call is under way.
    pub(super) fn of_head<B>(self, response: &http::Response<B>) -> Option<Outcome> {
        let headers = response.headers();
        if let Some(code) = Code::of_metadata(headers) {
            return Some(self.of_code(code, headers));
        }
        if response.status() == StatusCode::OK {
            return None;
        }
        let outcome = self.of_code(Code::of_http(response.status()), headers);
        Some(match outcome {
            Outcome::Failure(failure) if failure.asked() == Pushback::None => {
                match retry_after(headers) {
                    Some(wait) if !wait.is_zero() => {
                        Outcome::Failure(failure.pushback(Pushback::After(wait)))
                    }
                    _ => outcome,
                }
            }
            other => other,
        })
    }
}

fn bits(codes: impl IntoIterator<Item = Code>) -> u32 {
    codes.into_iter().fold(0, |set, code| set | bit(code))
}

const fn bit(code: Code) -> u32 {
    1 << code.number()
}

impl<B, E: StackError> Classify<http::Response<B>, E> for ByCode {
    fn classify(&self, result: Result<&http::Response<B>, &E>) -> Outcome {
        match result {
            Ok(response) => self.of_head(response).unwrap_or(Outcome::Success),
            Err(error) => of_error(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Executed, Kind, Rejection};
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn head(status: u16, headers: &[(&str, &str)]) -> Outcome {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        ByCode::default().classify(Ok::<_, &Error<()>>(&response.body(()).unwrap()))
    }

    fn failed(failure: Failure) -> Outcome {
        Outcome::Failure(failure)
    }

    #[test]
    fn every_code_has_one_outcome() {
        let expected = [
            Outcome::Success,
            Outcome::Ignored,
            failed(Failure::permanent()),
            Outcome::Success,
            failed(Failure::permanent()),
            Outcome::Success,
            Outcome::Success,
            Outcome::Success,
            failed(Failure::overload()),
            Outcome::Success,
            Outcome::Success,
            Outcome::Success,
            Outcome::Success,
            failed(Failure::permanent()),
            failed(Failure::transient()),
            failed(Failure::permanent()),
            Outcome::Success,
        ];
        for (code, expected) in Code::ALL.into_iter().zip(expected) {
            assert_eq!(ByCode::default().outcome(code), expected, "{code:?}");
            let number = code.number().to_string();
            assert_eq!(head(200, &[("grpc-status", &number)]), expected, "{code:?}");
            assert_eq!(head(503, &[("grpc-status", &number)]), expected, "{code:?}");
        }
    }

    #[test]
    fn the_codes_that_are_named_are_transient_and_no_others() {
        let all = ByCode::default().transient(Code::ALL);
        let none = ByCode::default().transient([]);
        for code in Code::ALL {
            let failure = all.outcome(code).failure();
            assert_eq!(failure.is_some(), code != Code::Ok, "{code:?}");
            assert!(failure.is_none_or(Failure::is_transient), "{code:?}");
            let failure = none.outcome(code).failure();
            assert!(!failure.is_some_and(Failure::is_transient), "{code:?}");
        }
        let one = ByCode::default().transient([Code::Internal]);
        assert_eq!(one.outcome(Code::Internal), failed(Failure::transient()));
        assert_eq!(one.outcome(Code::Unavailable), failed(Failure::permanent()));
    }

    #[test]
    fn the_codes_that_are_answers_fail_nothing_and_are_never_repeated() {
        let by = ByCode::default().answers([Code::ResourceExhausted, Code::Cancelled]);
        assert_eq!(by.outcome(Code::ResourceExhausted), Outcome::Success);
        assert_eq!(by.outcome(Code::Cancelled), Outcome::Success);
        assert_eq!(by.outcome(Code::Unavailable), failed(Failure::transient()));
        let all = ByCode::default().answers(Code::ALL).transient(Code::ALL);
        for code in Code::ALL {
            assert_eq!(all.outcome(code), Outcome::Success, "{code:?}");
        }
    }

    #[test]
    fn a_head_without_a_status_is_a_call_under_way() {
        assert_eq!(head(200, &[]), Outcome::Success);
        let pushback = ("grpc-retry-pushback-ms", "-1");
        assert_eq!(head(200, &[pushback]), Outcome::Success);
        assert_eq!(ByCode::default().of_head(&http::Response::new(())), None);
    }

    #[test]
    fn a_failure_carries_its_pushback_and_an_answer_none() {
        let after = |code| {
            let headers = [("grpc-status", code), ("grpc-retry-pushback-ms", "1000")];
            head(200, &headers).failure().map(Failure::asked)
        };
        for code in ["2", "4", "8", "13", "14", "15"] {
            assert_eq!(after(code), Some(Pushback::After(SECOND)), "{code}");
        }
        for code in ["0", "1", "3", "10", "12"] {
            assert_eq!(after(code), None, "{code}");
        }
        let never = [("grpc-status", "14"), ("grpc-retry-pushback-ms", "no")];
        let asked = head(200, &never).failure().map(Failure::asked);
        assert_eq!(asked, Some(Pushback::Never));
    }

    #[test]
    fn what_is_no_grpc_is_read_by_its_http_status_and_retry_after() {
        assert_eq!(head(503, &[]), failed(Failure::transient()));
        assert_eq!(head(404, &[]), Outcome::Success);
        assert_eq!(head(500, &[]), failed(Failure::permanent()));
        assert_eq!(head(204, &[]), failed(Failure::permanent()));
        let after = failed(Failure::transient().pushback(Pushback::After(SECOND)));
        assert_eq!(head(503, &[("retry-after", "1")]), after);
        let zero = head(429, &[("retry-after", "0")]);
        assert_eq!(zero, failed(Failure::transient()));
        assert_eq!(head(401, &[("retry-after", "1")]), Outcome::Success);
        let both = [("retry-after", "1"), ("grpc-retry-pushback-ms", "-1")];
        let never = failed(Failure::transient().pushback(Pushback::Never));
        assert_eq!(head(503, &both), never);
        let grpc = [("retry-after", "1"), ("grpc-status", "14")];
        assert_eq!(head(503, &grpc), failed(Failure::transient()));
    }

    #[test]
    fn trailers_without_a_status_are_unknown() {
        let by = ByCode::default();
        let mut trailers = HeaderMap::new();
        assert_eq!(by.of_trailers(&trailers), failed(Failure::permanent()));
        trailers.insert("grpc-status", "0".parse().unwrap());
        assert_eq!(by.of_trailers(&trailers), Outcome::Success);
    }

    #[test]
    fn an_error_is_read_as_by_the_default() {
        let of =
            |error: Error<()>| ByCode::default().classify(Err::<&http::Response<()>, _>(&error));
        assert_eq!(of(Error::Inner(())), failed(Failure::transient()));
        let open = Rejection::new(Kind::CircuitOpen, Executed::No, "x".into());
        assert_eq!(of(open.into()), Outcome::Ignored);
    }
}
