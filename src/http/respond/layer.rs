//! How refusals are answered.

use std::sync::Arc;

use http::StatusCode;
use tower::Layer;

use crate::error::{ConfigError, Kind, Rejection};
use crate::telemetry::{self, Counter, Scope};

use super::Respond;
use super::problem::Problem;

/// Answers a stack's errors as `application/problem+json` (RFC 9457), so that the error becomes
/// [`Infallible`](std::convert::Infallible), which is what axum asks for.
///
/// | Refusal | Status |
/// |---|---|
/// | `CircuitOpen`, `BulkheadFull`, `QueueTimeout`, `NotReady` | 503 |
/// | `StoreUnavailable`, `StoreFull`, `TooManyWaiters`, `ShuttingDown` | 503 |
/// | `Timeout`, `DeadlineExceeded` | 504 |
/// | `KeyMissing`, `KeyMalformed`, `ScopeMissing`, `BodyFailed` | 400 |
/// | `InFlight`, `OutcomeUnknown`, `ResultUnavailable` | 409 |
/// | `BodyTooLarge` | 413 |
/// | `KeyReused` | 422 |
/// | no refusal, but another error | 500 |
///
/// The members are `type`, `title`, `status`, `detail`, and for a refusal `kind`
/// ([`Kind::label`]) and, where the layer knows when to come back, `retry_after_ms`. Then there is a
/// `Retry-After` header too, in whole seconds, rounded up. Nothing that a layer or an error says of
/// the inside of the service is in it.
///
/// It stands outermost. An error of the stack that is no refusal is counted in
/// `mainstay_respond_errors_total` and said in an event.
#[derive(Clone, Debug)]
pub struct RespondLayer {
    shared: Arc<Shared>,
}

#[derive(Clone, Debug)]
pub(super) struct Shared {
    scope: Scope,
    errors: Counter,
    statuses: Vec<(Kind, StatusCode)>,
    names_layers: bool,
}

impl Default for RespondLayer {
    fn default() -> Self {
        let scope = Scope::new("respond", "http".into());
        let shared = Shared {
            errors: scope.counter("mainstay_respond_errors_total"),
            scope,
            statuses: Vec::new(),
            names_layers: false,
        };
        Self {
            shared: Arc::new(shared),
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
        let statuses = &mut Arc::make_mut(&mut self.shared).statuses;
        statuses.retain(|(known, _)| *known != kind);
        statuses.push((kind, status));
        Ok(self)
    }

    /// Adds the member `layer`, the name of the instance that refused. For services whose callers may
    /// know how they are built; default: not.
    #[must_use]
    pub fn name_layers(mut self) -> Self {
        Arc::make_mut(&mut self.shared).names_layers = true;
        self
    }
}

impl Shared {
    pub(super) fn problem<'a>(&self, refusal: Option<&'a Rejection>) -> Problem<'a> {
        let Some(refusal) = refusal else {
            return Problem::unexpected();
        };
        let known = self
            .statuses
            .iter()
            .find(|(kind, _)| *kind == refusal.kind());
        let status = known.map_or_else(|| default_status(refusal.kind()), |(_, status)| *status);
        Problem::of(refusal, status, self.names_layers)
    }

    pub(super) fn unexpected(&self, error: &dyn std::fmt::Display) {
        self.errors.increment(1);
        telemetry::event(
            &self.scope,
            "answered an error that is no refusal with 500",
            format_args!("{error}"),
        );
    }
}

const fn default_status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Timeout | Kind::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Kind::KeyMissing | Kind::KeyMalformed | Kind::ScopeMissing | Kind::BodyFailed => {
            StatusCode::BAD_REQUEST
        }
        Kind::InFlight | Kind::OutcomeUnknown | Kind::ResultUnavailable => StatusCode::CONFLICT,
        Kind::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::CircuitOpen
        | Kind::BulkheadFull
        | Kind::QueueTimeout
        | Kind::NotReady
        | Kind::StoreUnavailable
        | Kind::StoreFull
        | Kind::TooManyWaiters
        | Kind::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl<S> Layer<S> for RespondLayer {
    type Service = Respond<S>;

    fn layer(&self, inner: S) -> Respond<S> {
        Respond::new(inner, Arc::clone(&self.shared))
    }
}
