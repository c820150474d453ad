//! What refusals are answered with.

use std::fmt;
use std::sync::Arc;

use http::Response;

use crate::error::{Kind, Rejection};
use crate::telemetry::{self, Counter, Scope};

/// The settings of one layer that answers refusals with codes of its protocol.
#[derive(Clone, Debug)]
pub(crate) struct Answers<C> {
    scope: Scope,
    errors: Counter,
    codes: Vec<(Kind, C)>,
    names_layers: bool,
    /// What the type of a problem begins with; only HTTP has problems.
    type_base: Option<Arc<str>>,
}

/// A protocol's codes, and the responses that carry them in a body of `B`.
pub(crate) trait Answer<B>: Copy {
    /// The answer to a refusal, or to an error that is none.
    fn answer(refusal: Option<&Rejection>, answers: &Answers<Self>) -> Response<B>;
}

impl<C: Copy> Answers<C> {
    pub(crate) fn new(protocol: &'static str) -> Self {
        let scope = Scope::new("respond", protocol.into());
        Self {
            errors: scope.counter("mainstay_respond_errors_total"),
            scope,
            codes: Vec::new(),
            names_layers: false,
            type_base: None,
        }
    }

    pub(crate) fn set(&mut self, kind: Kind, code: C) {
        self.codes.retain(|(known, _)| *known != kind);
        self.codes.push((kind, code));
    }

    pub(crate) fn name_layers(&mut self) {
        self.names_layers = true;
    }

    pub(crate) fn names_layers(&self) -> bool {
        self.names_layers
    }

    pub(super) fn set_type_base(&mut self, base: Arc<str>) {
        self.type_base = Some(base);
    }

    pub(super) fn type_base(&self) -> Option<&str> {
        self.type_base.as_deref()
    }

    /// The code that was set for `kind`.
    pub(crate) fn code(&self, kind: Kind) -> Option<C> {
        let known = self.codes.iter().find(|(known, _)| *known == kind);
        known.map(|(_, code)| *code)
    }

    pub(super) fn unexpected(&self, error: &dyn fmt::Display) {
        self.errors.increment(1);
        telemetry::event(
            &self.scope,
            "answered an error that is no refusal",
            format_args!("{error}"),
        );
    }
}

/// For the client, so without a word on what stands behind the service.
pub(crate) const fn detail(kind: Kind) -> &'static str {
    match kind {
        Kind::Timeout => "The request took too long.",
        Kind::DeadlineExceeded => "The deadline of the request has passed.",
        Kind::BulkheadFull | Kind::QueueTimeout => "The service has no capacity free.",
        Kind::CircuitOpen | Kind::NotReady | Kind::ShuttingDown => {
            "The service cannot take the request now."
        }
        Kind::KeyMissing => "The request needs an Idempotency-Key.",
        Kind::KeyMalformed => {
            "The Idempotency-Key is not one string of 1 to 255 visible ASCII characters."
        }
        Kind::ScopeMissing => "The request does not say whose Idempotency-Key it carries.",
        Kind::KeyReused => "The Idempotency-Key was used for another request.",
        Kind::InFlight => "A request with this Idempotency-Key is running.",
        Kind::OutcomeUnknown => {
            "A request with this Idempotency-Key was begun, and how it ended is not known."
        }
        Kind::ResultUnavailable => {
            "The request with this Idempotency-Key has run, and its response was not kept."
        }
        Kind::BodyTooLarge => "The body is too large.",
        Kind::BodyFailed => "The body could not be read.",
        Kind::StoreUnavailable | Kind::StoreFull | Kind::TooManyWaiters => {
            "The service cannot look after the Idempotency-Key now."
        }
        Kind::StaleToken => "The sender's term is over.",
        Kind::TokenMissing => "The request needs a fencing token.",
        Kind::TokenMalformed => {
            "The fencing token is not one number from 1 to 18446744073709551615 in plain digits."
        }
        Kind::TermUnrecorded => "The service cannot record the sender's term now.",
        Kind::NotLeader => "This node of the service does not lead.",
        Kind::LeadershipLost => "The node that ran the request does not lead any more.",
    }
}
