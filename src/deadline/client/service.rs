//! Makes calls that have time left.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tower::Service;

use crate::context::{Carrier, Deadline, enter_deadline};
use crate::deadline::future::Span;
use crate::deadline::message::{self, Heard};
use crate::deadline::{Cover, Format, HeadOnly, ResponseFuture};
use crate::error::StackError;
use crate::telemetry::Tally;
use crate::time;

use super::layer::Shared;

/// Tells the next hop how much time is left; made by
/// [`DeadlineClientLayer`](super::DeadlineClientLayer).
#[derive(Clone, Debug)]
pub struct DeadlineClient<S, C = HeadOnly> /* S::Error: StackError; add error::layer()? */ {
    inner: S,
    shared: Arc<Shared>,
    formats: Arc<[Format]>,
    cover: C,
}

impl<S, C> DeadlineClient<S, C> {
    pub(super) const fn new(
        inner: S,
        shared: Arc<Shared>,
        formats: Arc<[Format]>,
        cover: C,
    ) -> Self {
        Self {
            inner,
            shared,
            formats,
            cover,
        }
    }

    /// The time that the call has, once the request says so; `None` when it has none.
    fn depart<Req: Carrier>(&self, request: &mut Req) -> Option<Span> {
        let heard = Heard::read(request, &self.formats);
        self.shared.record.heard(heard);
        let terms = self.shared.terms();
        let held = message::held(request);
        if held.is_none() && !terms.bounds(heard.left) {
            self.announce(request, Duration::MAX)?;
            return Some(Span::Endless);
        }
        let now = time::now();
        let departure = terms.depart(now, held.unwrap_or(Deadline::NEVER), heard.left)?;
        self.announce(request, departure.given)?;
        Some(Span::Until {
            began: now,
            ends: departure.ends,
            kind: departure.kind,
        })
    }

    /// Writes the time that is given in each format, and takes away what the request said in any other.
    /// `None` when one of them cannot say so little.
    fn announce<Req: Carrier>(&self, request: &mut Req, given: Duration) -> Option<()> {
        message::strip(request, &Format::KNOWN);
        if given == Duration::MAX {
            message::strip(request, &self.formats);
            return Some(());
        }
        for format in self.formats.iter() {
            request.set(format.field(), format.encode(given)?.as_bytes());
        }
        Some(())
    }
}

impl<S, Req, C> Service<Req> for DeadlineClient<S, C>
where
    S: Service<Req>,
    S::Error: StackError,
    Req: Carrier,
    C: Cover<S::Response> + Clone,
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
        let Some(span) = self.depart(&mut request) else {
            return ResponseFuture::refused(tally, cover);
        };
        message::hold(&mut request, span.deadline());
        let _entered = enter_deadline(span.deadline());
        ResponseFuture::called(self.inner.call(request), span, tally, cover)
    }
}
