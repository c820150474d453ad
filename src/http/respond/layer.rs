//! How refusals are answered.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use tower::Layer;

use crate::error::{ConfigError, Kind, Rejection};

use super::problem::Problem;
use super::{Answer, Answers, Respond};

/// Answers a stack's errors as `application/problem+json` (RFC 9457), so that the error becomes
/// [`Infallible`](std::convert::Infallible), which is what axum asks for.
///
/// | Refusal | Status |
/// |---|---|
/// | `CircuitOpen`, `BulkheadFull`, `QueueTimeout`, `NotReady` | 503 |
/// | `StoreUnavailable`, `StoreFull`, `TooManyWaiters`, `ShuttingDown` | 503 |
/// | `TermUnrecorded`, `NotLeader` | 503 |
/// | `Timeout`, `DeadlineExceeded`, `LeadershipLost` | 504 |
/// | `KeyMissing`, `KeyMalformed`, `ScopeMissing`, `BodyFailed`, `TokenMissing`, `TokenMalformed` | 400 |
/// | `InFlight`, `OutcomeUnknown`, `ResultUnavailable`, `StaleToken` | 409 |
/// | `BodyTooLarge` | 413 |
/// | `KeyReused` | 422 |
/// | no refusal, but another error | 500 |
///
/// The members are `type`, `title`, `status`, `detail`, and for a refusal `kind`
/// ([`Kind::label`]) and, where the layer knows when to come back, `retry_after_ms`. Then there is a
/// `Retry-After` header too, in whole seconds, rounded up. Nothing that a layer or an error says of
/// the inside of the service is in it.
///
/// Two refusals of `coordination` say one thing more, in a header: that of a stale token the highest token
/// that was seen, in `fencing-token-high`; that of a node that does not lead, who does, in `leader-node`. Both
/// are numbers that mean something only to those who take part.
///
/// A refusal for the sake of an idempotency key has `safe_new_key` too: `true` where the request may be
/// sent again with another key, since nothing can have run under this one; `false` where something may
/// have run, now or at an earlier try, so that it is for the client to find out. `Cache-Control: no-store`
/// goes with it.
///
/// It stands outermost. An error of the stack that is no refusal is counted in
/// `mainstay_respond_errors_total` and said in an event.
#[derive(Clone, Debug)]
pub struct RespondLayer {
    answers: Arc<Answers<StatusCode>>,
}

impl Default for RespondLayer {
    fn default() -> Self {
        Self {
            answers: Arc::new(Answers::new("http")),
        }
    }
}

impl RespondLayer {
    /// Answers with the statuses of the table above.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers refusals of `kind` with `status`: a full bulkhead with 429, say, where each caller has
    /// one of its own.
    ///
    /// # Errors
    /// When `status` is not 4xx or 5xx.
    pub fn status(mut self, kind: Kind, status: StatusCode) -> Result<Self, ConfigError> {
        if !status.is_client_error() && !status.is_server_error() {
            return Err(ConfigError::new("status", status, "4xx or 5xx"));
        }
        Arc::make_mut(&mut self.answers).set(kind, status);
        Ok(self)
    }

    /// Adds the member `layer`, the name of the instance that refused. For services whose callers may
    /// know how they are built; default: not.
    #[must_use]
    pub fn name_layers(mut self) -> Self {
        Arc::make_mut(&mut self.answers).name_layers();
        self
    }

    /// Makes the member `type` of a refusal's problem the URI `base` with the [`Kind::label`] after it:
    /// `https://errors.example/` gives `https://errors.example/key_reused`. Default: `about:blank`.
    #[must_use]
    pub fn type_base(mut self, base: impl Into<Arc<str>>) -> Self {
        Arc::make_mut(&mut self.answers).set_type_base(base.into());
        self
    }
}

impl<B: From<Bytes>> Answer<B> for StatusCode {
    fn answer(refusal: Option<&Rejection>, answers: &Answers<Self>) -> Response<B> {
        let problem = match refusal {
            None => Problem::unexpected(),
            Some(refusal) => {
                let status = answers.code(refusal.kind());
                let status = status.unwrap_or_else(|| default_status(refusal.kind()));
                Problem::of(refusal, status, answers.names_layers()).type_base(answers.type_base())
            }
        };
        problem.into_response()
    }
}

const fn default_status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Timeout | Kind::DeadlineExceeded | Kind::LeadershipLost => {
            StatusCode::GATEWAY_TIMEOUT
        }
        Kind::KeyMissing
        | Kind::KeyMalformed
        | Kind::ScopeMissing
        | Kind::BodyFailed
        | Kind::TokenMissing
        | Kind::TokenMalformed => StatusCode::BAD_REQUEST,
        Kind::InFlight | Kind::OutcomeUnknown | Kind::ResultUnavailable | Kind::StaleToken => {
            StatusCode::CONFLICT
        }
        Kind::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::CircuitOpen
        | Kind::BulkheadFull
        | Kind::QueueTimeout
        | Kind::NotReady
        | Kind::StoreUnavailable
        | Kind::StoreFull
        | Kind::TooManyWaiters
        | Kind::ShuttingDown
        | Kind::TermUnrecorded
        | Kind::NotLeader => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl<S> Layer<S> for RespondLayer {
    type Service = Respond<S>;

    fn layer(&self, inner: S) -> Respond<S> {
        Respond::new(inner, Arc::clone(&self.answers))
    }
}
