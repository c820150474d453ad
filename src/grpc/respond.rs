//! Refusals as gRPC's status.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use tower::Layer;

use crate::error::{ConfigError, Executed, Kind, Rejection};
use crate::http::{Answer, Answers, Respond, detail, hint};

use super::Code;
use super::code::GRPC_STATUS;
use super::pushback::GRPC_RETRY_PUSHBACK_MS;

const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Answers a stack's errors with a gRPC status, so that the error becomes
/// [`Infallible`](std::convert::Infallible), which is what tonic's server asks for.
///
/// | Refusal | Code |
/// |---|---|
/// | `Timeout`, `DeadlineExceeded` | `DEADLINE_EXCEEDED` (4) |
/// | `BulkheadFull`, `QueueTimeout` | `RESOURCE_EXHAUSTED` (8) |
/// | `CircuitOpen`, `NotReady` | `UNAVAILABLE` (14) |
/// | `KeyMissing`, `KeyMalformed`, `ScopeMissing`, `KeyReused` | `INVALID_ARGUMENT` (3) |
/// | `BodyTooLarge`, `BodyFailed` | `INVALID_ARGUMENT` (3) |
/// | `TokenMissing`, `TokenMalformed` | `INVALID_ARGUMENT` (3) |
/// | `InFlight`, `LeadershipLost` | `ABORTED` (10) |
/// | `OutcomeUnknown`, `ResultUnavailable`, `StaleToken` | `FAILED_PRECONDITION` (9) |
/// | `StoreUnavailable`, `StoreFull`, `TooManyWaiters`, `ShuttingDown` | `UNAVAILABLE` (14) |
/// | `TermUnrecorded`, `NotLeader` | `UNAVAILABLE` (14) |
/// | no refusal, but another error | `UNKNOWN` (2), as gRPC says of a service that throws |
///
/// The answer is a Trailers-Only response: HTTP 200, `content-type: application/grpc`, `grpc-status`, and for
/// a refusal `grpc-message`, with no word of the inside of the service.
///
/// Where the layer knows when to come back, `grpc-retry-pushback-ms` says so, rounded up to whole
/// milliseconds and at most 2³¹ − 1 of them. It asks clients to repeat the call, so it is said only of
/// calls that did not run ([`Executed::No`]).
///
/// A stale fencing token is told the highest that was seen, in `fencing-token-high`, and who asks a node that
/// does not lead is told who does, in `leader-node`.
///
/// It stands outermost, and its body is `B::default()`, which must be an empty one. An error of the stack that is no
/// refusal is counted in `mainstay_respond_errors_total` and said in an event.
///
/// It fits a client's stack too: refusals then reach the generated client as the `Status` that they
/// mean.
#[derive(Clone, Debug)]
pub struct RespondLayer {
    answers: Arc<Answers<Code>>,
}

impl Default for RespondLayer {
    fn default() -> Self {
        Self {
            answers: Arc::new(Answers::new("grpc")),
        }
    }
}

impl RespondLayer {
    /// Answers with the codes of the table above.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers refusals of `kind` with `code`.
    ///
    /// # Errors
    /// When `code` is `OK`.
    pub fn code(mut self, kind: Kind, code: Code) -> Result<Self, ConfigError> {
        if code == Code::Ok {
            return Err(ConfigError::new("code", code.number(), "1 to 16"));
        }
        Arc::make_mut(&mut self.answers).set(kind, code);
        Ok(self)
    }

    /// Adds the name of the instance that refused to the message. For services whose callers may know
    /// how they are built; default: not.
    #[must_use]
    pub fn name_layers(mut self) -> Self {
        Arc::make_mut(&mut self.answers).name_layers();
        self
    }
}

impl<S> Layer<S> for RespondLayer {
    type Service = Respond<S, Code>;

    fn layer(&self, inner: S) -> Self::Service {
        Respond::new(inner, Arc::clone(&self.answers))
    }
}

impl<B: Default> Answer<B> for Code {
    fn answer(refusal: Option<&Rejection>, answers: &Answers<Self>) -> Response<B> {
        let mut response = Response::new(B::default());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        let Some(refusal) = refusal else {
            headers.insert(GRPC_STATUS, status(Self::Unknown));
            return response;
        };
        let code = answers.code(refusal.kind());
        let code = code.unwrap_or_else(|| default_code(refusal.kind()));
        headers.insert(GRPC_STATUS, status(code));
        let name = answers.names_layers().then(|| refusal.layer());
        if let Ok(message) = HeaderValue::try_from(message(detail(refusal.kind()), name)) {
            headers.insert(GRPC_MESSAGE, message);
        }
        if let Some(wait) = pushback(refusal) {
            headers.insert(GRPC_RETRY_PUSHBACK_MS, HeaderValue::from(wait));
        }
        if let Some((name, value)) = hint(refusal) {
            headers.insert(name, value);
        }
        response
    }
}

fn status(code: Code) -> HeaderValue {
    HeaderValue::from(u16::from(code.number()))
}

const fn default_code(kind: Kind) -> Code {
    match kind {
        Kind::Timeout | Kind::DeadlineExceeded => Code::DeadlineExceeded,
        Kind::BulkheadFull | Kind::QueueTimeout => Code::ResourceExhausted,
        Kind::CircuitOpen
        | Kind::NotReady
        | Kind::StoreUnavailable
        | Kind::StoreFull
        | Kind::TooManyWaiters
        | Kind::ShuttingDown
        | Kind::TermUnrecorded
        | Kind::NotLeader => Code::Unavailable,
        Kind::KeyMissing
        | Kind::KeyMalformed
        | Kind::ScopeMissing
        | Kind::KeyReused
        | Kind::BodyTooLarge
        | Kind::BodyFailed
        | Kind::TokenMissing
        | Kind::TokenMalformed => Code::InvalidArgument,
        Kind::InFlight | Kind::LeadershipLost => Code::Aborted,
        Kind::OutcomeUnknown | Kind::ResultUnavailable | Kind::StaleToken => {
            Code::FailedPrecondition
        }
    }
}

/// When to come back, in milliseconds; not said when that is now.
fn pushback(refusal: &Rejection) -> Option<i32> {
    let wait = refusal.retry_after()?;
    if wait == Duration::ZERO || refusal.executed() != Executed::No {
        return None;
    }
    let millis = wait.as_nanos().div_ceil(1_000_000);
    Some(i32::try_from(millis).unwrap_or(i32::MAX))
}

/// Percent-encoded: printable ASCII without `%` stays (gRPC over HTTP/2, *Responses*).
fn message(detail: &str, name: Option<&str>) -> String {
    let mut message = detail.to_owned();
    let Some(name) = name else {
        return message;
    };
    message.push_str(" (");
    for byte in name.bytes() {
        match byte {
            b' '..=b'$' | b'&'..=b'~' => message.push(char::from(byte)),
            // Writing to a string does not fail.
            _ => _ = write!(message, "%{byte:02X}"),
        }
    }
    message.push(')');
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [(Kind, &str); 25] = [
        (Kind::Timeout, "4"),
        (Kind::DeadlineExceeded, "4"),
        (Kind::BulkheadFull, "8"),
        (Kind::QueueTimeout, "8"),
        (Kind::CircuitOpen, "14"),
        (Kind::NotReady, "14"),
        (Kind::KeyMissing, "3"),
        (Kind::KeyMalformed, "3"),
        (Kind::ScopeMissing, "3"),
        (Kind::KeyReused, "3"),
        (Kind::BodyTooLarge, "3"),
        (Kind::BodyFailed, "3"),
        (Kind::InFlight, "10"),
        (Kind::OutcomeUnknown, "9"),
        (Kind::ResultUnavailable, "9"),
        (Kind::StoreUnavailable, "14"),
        (Kind::StoreFull, "14"),
        (Kind::TooManyWaiters, "14"),
        (Kind::ShuttingDown, "14"),
        (Kind::StaleToken, "9"),
        (Kind::TokenMissing, "3"),
        (Kind::TokenMalformed, "3"),
        (Kind::TermUnrecorded, "14"),
        (Kind::NotLeader, "14"),
        (Kind::LeadershipLost, "10"),
    ];

    fn refusal(kind: Kind, executed: Executed) -> Rejection {
        Rejection::new(kind, executed, "ledger-primary".into())
    }

    fn answer(refusal: Option<&Rejection>, layer: &RespondLayer) -> Response<()> {
        let response = Code::answer(refusal, &layer.answers);
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/grpc");
        response
    }

    fn said<'a>(response: &'a Response<()>, name: &str) -> Option<&'a str> {
        Some(response.headers().get(name)?.to_str().unwrap())
    }

    #[test]
    fn each_refusal_has_its_code_and_a_message_without_a_name_from_inside() {
        for (kind, code) in KINDS {
            let refusal = refusal(kind, Executed::No).because(Arc::new(std::fmt::Error));
            let response = answer(Some(&refusal), &RespondLayer::new());
            assert_eq!(said(&response, "grpc-status"), Some(code), "{kind:?}");
            assert_eq!(said(&response, "grpc-message"), Some(detail(kind)));
            let encoded = message("", Some(detail(kind)));
            let expected = format!(" ({})", detail(kind));
            assert_eq!(encoded, expected, "the message needs no encoding");
            assert_eq!(response.headers().len(), 3);
        }
    }

    #[test]
    fn an_error_that_is_no_refusal_is_unknown_and_says_nothing_of_itself() {
        let response = answer(None, &RespondLayer::new());
        assert_eq!(said(&response, "grpc-status"), Some("2"));
        assert_eq!(response.headers().len(), 2);
    }

    #[test]
    fn a_code_can_be_set_for_a_kind_and_the_last_one_counts() {
        let layer = RespondLayer::new();
        let layer = layer.code(Kind::Timeout, Code::Internal).unwrap();
        let layer = layer.code(Kind::Timeout, Code::Unavailable).unwrap();
        let timeout = answer(Some(&refusal(Kind::Timeout, Executed::Unknown)), &layer);
        assert_eq!(said(&timeout, "grpc-status"), Some("14"));
        let passed = refusal(Kind::DeadlineExceeded, Executed::No);
        assert_eq!(
            said(&answer(Some(&passed), &layer), "grpc-status"),
            Some("4")
        );
        assert!(RespondLayer::new().code(Kind::Timeout, Code::Ok).is_err());
    }

    #[test]
    fn when_to_come_back_is_said_in_milliseconds_rounded_up() {
        let pushback = |wait| {
            let refusal = refusal(Kind::CircuitOpen, Executed::No).after(wait);
            let response = answer(Some(&refusal), &RespondLayer::new());
            said(&response, "grpc-retry-pushback-ms").map(str::to_owned)
        };
        let millis = Duration::from_millis;
        assert_eq!(pushback(Duration::ZERO), None, "not said when it is now");
        assert_eq!(pushback(Duration::from_nanos(1)).unwrap(), "1");
        assert_eq!(pushback(millis(5000)).unwrap(), "5000");
        assert_eq!(pushback(Duration::new(5, 1)).unwrap(), "5001");
        let most = millis(2_147_483_647);
        assert_eq!(pushback(most).unwrap(), "2147483647");
        assert_eq!(pushback(most + millis(1)).unwrap(), "2147483647");
        assert_eq!(pushback(Duration::MAX).unwrap(), "2147483647");
    }

    #[test]
    fn nobody_is_asked_to_repeat_what_may_have_run() {
        for executed in [Executed::Unknown, Executed::Yes] {
            let refusal = refusal(Kind::CircuitOpen, executed).after(Duration::from_secs(1));
            let response = answer(Some(&refusal), &RespondLayer::new());
            assert_eq!(said(&response, "grpc-retry-pushback-ms"), None);
        }
    }

    #[test]
    fn a_name_is_told_when_asked_for_and_percent_encoded() {
        let name = " a%b~\u{7f}\n\u{0}é😀";
        let refusal = Rejection::new(Kind::Timeout, Executed::Unknown, name.into());
        let response = answer(Some(&refusal), &RespondLayer::new().name_layers());
        let expected = "The request took too long. ( a%25b~%7F%0A%00%C3%A9%F0%9F%98%80)";
        assert_eq!(said(&response, "grpc-message"), Some(expected));
    }
}
