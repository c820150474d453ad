//! Responses that are kept and replayed.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::HeaderName;
use http_body::Body;

use crate::context::Field;
use crate::error::StackError;
use crate::idempotency::{Capture, Disposition, Unreadable};

use super::policy::Judge;
use super::recorder::{self, Extent, Recorder};
use super::{ReadBody, ResultPolicy, Verdict};

/// Reads responses into records, and makes responses of records.
///
/// A response that is to be kept ([`ResultPolicy`], [`Verdict`]) is read to its end before it goes
/// out. A replay has its status, its headers with repeated ones in their order, the bytes of its body
/// and its trailers, and `Idempotency-Replayed: true` besides.
///
/// What cannot be kept passes through whole, and leaves a tombstone: what is larger than a record may
/// be, as soon as that is known; what has not ended [`stream_after`](Self::stream_after) it began;
/// `text/event-stream`, and answers with 1xx, at once. Where the body fails on the way, the
/// error comes where it came, and the outcome is unknown.
///
/// # Headers that are not stored
/// Those of the connection (RFC 9110 §7.6.1, and what `Connection` names), `Content-Length`, which
/// follows from the body, `Date`, `Age`, `Set-Cookie`, `WWW-Authenticate`, `Authentication-Info`,
/// `Proxy-Authenticate`, `Server-Timing`, rate limits (`RateLimit..`, `X-RateLimit..`), the trace
/// context and ids of a request (`traceparent`, `tracestate`, `traceresponse`, `baggage`, `b3`,
/// `X-Request-Id` and the like). The first client gets them all.
#[derive(Clone, Debug)]
pub struct RecordResponse<P = ResultPolicy> {
    policy: P,
    recorder: Recorder,
}

/// By the statuses of HTTP, at most once.
impl Default for RecordResponse {
    fn default() -> Self {
        Self::new(ResultPolicy::default())
    }
}

impl<P> RecordResponse<P> {
    /// Keeps what `policy` says.
    pub fn new(policy: P) -> Self {
        Self {
            policy,
            recorder: Recorder::default(),
        }
    }

    /// The most bytes of a record: the headers, the trailers and the body, with 9 bytes more for each
    /// header and trailer, and 10 for the record. Default 1 MiB. At 0 nothing is kept but tombstones.
    #[must_use]
    pub const fn record_max(mut self, bytes: usize) -> Self {
        self.recorder.record_max(bytes);
        self
    }

    /// How long a body is waited for, from the head on. One that has not ended then is a stream: it is
    /// passed on, and not kept. Default 1 s. At zero only a body that is there with its head is kept.
    #[must_use]
    pub const fn stream_after(mut self, wait: Duration) -> Self {
        self.recorder.stream_after(wait);
        self
    }

    /// Leaves this header out of records, with those above.
    #[must_use]
    pub fn omit_header(mut self, name: HeaderName) -> Self {
        self.recorder.omit(name);
        self
    }

    /// Stores these headers and no others. One of those above counts where it is named here, but for
    /// what belongs to the connection and the length.
    #[must_use]
    pub fn only_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.recorder.only(names);
        self
    }

    /// The header that says `true` on a replay. Default `idempotency-replayed`.
    #[must_use]
    pub const fn replayed_header(mut self, field: Field) -> Self {
        self.recorder.replayed(field);
        self
    }
}

impl<P, B, E> Capture<Response<B>, E> for RecordResponse<P>
where
    P: Judge,
    B: Body<Data = Bytes, Error: Send> + Unpin + Send,
    E: StackError + Send,
{
    type Outer = Response<ReadBody<B>>;

    async fn capture(
        &self,
        result: Result<Response<B>, E>,
    ) -> (Result<Self::Outer, E>, Disposition) {
        let mut response = match result {
            Ok(response) => response,
            Err(error) => {
                let disposition = Disposition::of_error(&error, self.policy.on_error());
                return (Err(error), disposition);
            }
        };
        let said = response.extensions_mut().remove::<Verdict>();
        let by_head = || self.policy.of_head(response.status(), response.headers());
        let verdict = said.or_else(by_head);
        if let Some(disposition) = verdict.and_then(Verdict::without_reading) {
            return (Ok(response.map(ReadBody::untouched)), disposition);
        }
        let (response, extent) = self.recorder.read(response).await;
        let disposition = match (verdict, &extent) {
            (None, Extent::Whole(_)) => {
                let verdict = self.policy.of_trailers(response.body().trailers());
                verdict.without_reading()
            }
            _ => None,
        };
        let disposition = disposition.unwrap_or_else(|| self.recorder.keep(&response, extent));
        (Ok(response), disposition)
    }

    fn pass(&self, mut response: Response<B>) -> Self::Outer {
        response.extensions_mut().remove::<Verdict>();
        response.map(ReadBody::untouched)
    }

    fn replay(&self, record: Bytes) -> Result<Self::Outer, Unreadable> {
        self.recorder.replay(record)
    }

    fn bypassed(&self, mut response: Self::Outer) -> Self::Outer {
        recorder::mark_bypassed(&mut response);
        response
    }
}
