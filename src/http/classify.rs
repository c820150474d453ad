//! What a response's status says of the service that gave it.

use http::StatusCode;

use crate::classify::{Classify, Failure, Outcome, Pushback, of_error};
use crate::error::StackError;

use super::retry_after;

/// Reads the outcome of an HTTP call from the status and `Retry-After`.
///
/// | Status | Outcome | `Retry-After` |
/// |---|---|---|
/// | 1xx, 2xx, 3xx | success | not read |
/// | 408 | transient failure | read |
/// | 429, 503 | transient failure by overload | read |
/// | other 5xx, and 600 and above | transient failure | read |
/// | other 4xx | success | not read |
///
/// A 4xx is an answer: the service is there and judged the request. So it is never retried, and to a
/// breaker it is the sign of life that it is; were it ignored, a half-open breaker in front of a
/// service that answers 404 would not close.
///
/// A `Retry-After` of zero, or of a date that has passed, asks for nothing, so the caller's own
/// back-off holds; see [`retry_after()`]. Errors are read as [`of_error`] does.
///
/// # Requests that never left
/// An HTTP client knows when it could not even connect. A closure that adds this makes such a
/// failure safe to repeat whatever the request does:
///
/// ```
/// use http::Response;
/// use hyper_util::client::legacy;
/// use mainstay::http::ByStatus;
/// use mainstay::{Classify, Error, Executed, Failure, Outcome};
///
/// let outcome_of = |result: Result<&Response<hyper::body::Incoming>, &Error<legacy::Error>>| {
///     match result {
///         Err(Error::Inner(error)) if error.is_connect() => {
///             Outcome::Failure(Failure::transient().executed(Executed::No))
///         }
///         other => ByStatus.classify(other),
///     }
/// };
/// # let _ = |e: &Error<legacy::Error>| outcome_of.classify(Err(e));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ByStatus;

impl<B, E: StackError> Classify<http::Response<B>, E> for ByStatus {
    fn classify(&self, result: Result<&http::Response<B>, &E>) -> Outcome {
        match result {
            Ok(response) => of_response(response),
            Err(error) => of_error(error),
        }
    }
}

fn of_response<B>(response: &http::Response<B>) -> Outcome {
    let failure = match response.status() {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Failure::overload(),
        StatusCode::REQUEST_TIMEOUT => Failure::transient(),
        status if status.as_u16() >= 500 => Failure::transient(),
        _ => return Outcome::Success,
    };
    Outcome::Failure(match retry_after(response.headers()) {
        Some(wait) if !wait.is_zero() => failure.pushback(Pushback::After(wait)),
        _ => failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Executed, Kind, Rejection};
    use http::header::RETRY_AFTER;
    use std::time::Duration;

    fn of(status: u16, retry_after: Option<&str>) -> Outcome {
        let mut response = http::Response::builder().status(status);
        if let Some(value) = retry_after {
            response = response.header(RETRY_AFTER, value);
        }
        ByStatus.classify(Ok::<_, &Error<()>>(&response.body(()).unwrap()))
    }

    #[test]
    fn every_status_has_one_outcome() {
        for status in 100..=999_u16 {
            let expected = match status {
                429 | 503 => Outcome::Failure(Failure::overload()),
                408 | 500.. => Outcome::Failure(Failure::transient()),
                _ => Outcome::Success,
            };
            assert_eq!(of(status, None), expected, "{status}");
        }
    }

    #[test]
    fn only_a_transient_failure_carries_what_the_service_asked_for() {
        let asked = |status| {
            of(status, Some("7"))
                .failure()
                .map_or(Pushback::None, Failure::asked)
        };
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(asked(status), Pushback::After(Duration::from_secs(7)));
        }
        for status in [200, 301, 400, 404, 413] {
            assert_eq!(asked(status), Pushback::None, "{status}");
        }
    }

    #[test]
    fn asking_for_no_wait_leaves_the_wait_to_the_caller() {
        assert_eq!(
            of(503, Some("0")),
            Outcome::Failure(Failure::overload()),
            "a wait of exactly nothing would bring everyone back at once"
        );
    }

    #[test]
    fn an_error_is_read_as_by_the_default() {
        let of = |error: Error<()>| ByStatus.classify(Err::<&http::Response<()>, _>(&error));
        assert_eq!(of(Error::Inner(())), Outcome::Failure(Failure::transient()));
        let open = Rejection::new(Kind::CircuitOpen, Executed::No, "x".into());
        assert_eq!(of(open.into()), Outcome::Ignored);
    }
}
