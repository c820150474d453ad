//! Admits requests that have time left.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tower::Service;

use crate::context::{Carrier, Deadline, enter_deadline};
use crate::deadline::future::Span;
use crate::deadline::message::{self, Heard};
use crate::deadline::share::Fate;
use crate::deadline::{Cover, Format, HeadOnly, ResponseFuture};
use crate::error::{Kind, StackError};
use crate::telemetry::Tally;
use crate::time;

use super::layer::Shared;
use super::policy::{self, Arrival};
use super::{Nobody, Trust};

/// Gives a request the deadline that its caller has; made by
/// [`DeadlineServerLayer`](super::DeadlineServerLayer).
#[derive(Clone, Debug)]
pub struct DeadlineServer<S, C = HeadOnly, T = Nobody> /* S::Error: StackError; add error::layer()? */
{
    inner: S,
    shared: Arc<Shared>,
    formats: Arc<[Format]>,
    cover: C,
    trust: T,
}

impl<S, C, T> DeadlineServer<S, C, T> {
    pub(super) const fn new(
        inner: S,
        shared: Arc<Shared>,
        formats: Arc<[Format]>,
        cover: C,
        trust: T,
    ) -> Self {
        Self {
            inner,
            shared,
            formats,
            cover,
            trust,
        }
    }

    /// What the request says, once what it may not say is removed.
    fn hear<Req: Carrier>(&self, request: &mut Req) -> Option<Duration>
    where
        T: Trust<Req>,
    {
        let envoy = Format::ENVOY_EXPECTED.field();
        let is_there = request.get_all(envoy).next().is_some();
        if is_there && !self.trust.trusts(request) {
            request.remove(envoy);
        }
        let heard = Heard::read(request, &self.formats);
        self.shared.record.heard(heard);
        heard.left
    }

    /// The time that the request has; `None` refuses it.
    fn admit<Req: Carrier>(&self, request: &mut Req, said: Option<Duration>) -> Option<Span> {
        let settings = &self.shared.settings;
        let limits = settings.limits();
        let time = limits.time(said);
        let held = message::held(request);
        if time == Duration::MAX && held.is_none() && !settings.counts_arrivals() {
            return Some(Span::Endless);
        }
        let now = time::now();
        let held = held.unwrap_or(Deadline::NEVER);
        let ends = match policy::arrive(now, time, held) {
            Arrival::InTime(ends) => {
                settings.arrive(now);
                ends
            }
            Arrival::Gone => {
                settings.arrive(now);
                self.shared.refused.increment(1);
                return None;
            }
            Arrival::Late => match settings.arrive_late(now) {
                Fate::Refused => {
                    self.shared.refused.increment(1);
                    return None;
                }
                Fate::Passed => {
                    self.shared.passed.increment(1);
                    // From here on it is one that says nothing, to all below.
                    message::strip(request, &self.formats);
                    policy::ends(now, limits.time(None), held)
                }
            },
        };
        Some(Span::Until {
            began: now,
            ends,
            kind: Kind::DeadlineExceeded,
        })
    }
}

impl<S, Req, C, T> Service<Req> for DeadlineServer<S, C, T>
where
    S: Service<Req>,
    S::Error: StackError,
    Req: Carrier,
    C: Cover<S::Response> + Clone,
    T: Trust<Req>,
{
    type Response = C::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        let tally = Tally::new(&self.shared.record);
        let cover = self.cover.clone();
        let said = self.hear(&mut request);
        let Some(span) = self.admit(&mut request, said) else {
            return ResponseFuture::refused(tally, cover);
        };
        message::hold(&mut request, span.deadline());
        let _entered = enter_deadline(span.deadline());
        ResponseFuture::called(self.inner.call(request), span, tally, cover)
    }
}
