//! Reads responses into records and makes responses of records, whatever decides on them.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;

use crate::context::{Carrier as _, Field};
use crate::idempotency::{Disposition, Tombstone, Unreadable};
use crate::time;
use crate::timer::Timer;

use super::ReadBody;
use super::gather::{End, Gathered};
use super::record::{Draft, Record};
use super::stored_headers::StoredHeaders;

/// The default of the largest record, and of the longest request.
pub(super) const MIB: usize = 1024 * 1024;

const REPLAYED: Field = Field::known("idempotency-replayed");
const STATUS: Field = Field::known("idempotency-status");

#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    headers: StoredHeaders,
    record_max: usize,
    stream_after: Duration,
    replayed: Field,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            headers: StoredHeaders::default(),
            record_max: MIB,
            stream_after: Duration::from_secs(1),
            replayed: REPLAYED,
        }
    }
}

/// How much of a response was read.
#[derive(Debug)]
pub(crate) enum Extent {
    /// All of it: the record lacks the body alone.
    Whole(Draft),
    /// A part of it, and the reason why there is no record.
    Part(Tombstone),
    /// A part of it, and then it failed.
    Failed,
}

impl Recorder {
    pub(crate) const fn record_max(&mut self, bytes: usize) {
        self.record_max = bytes;
    }

    pub(crate) const fn stream_after(&mut self, wait: Duration) {
        self.stream_after = wait;
    }

    pub(crate) const fn replayed(&mut self, field: Field) {
        self.replayed = field;
    }

    pub(crate) fn omit(&mut self, name: HeaderName) {
        self.headers.omit(name);
    }

    pub(crate) fn only(&mut self, names: impl IntoIterator<Item = HeaderName>) {
        self.headers.only(names);
    }

    /// Reads the body to its end, unless it is longer than a record may be, or has not ended after
    /// some time.
    pub(crate) async fn read<B>(&self, response: Response<B>) -> (Response<ReadBody<B>>, Extent)
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (head, mut body) = response.into_parts();
        let untouched = |head, body, extent| {
            let body = ReadBody::untouched(body);
            (Response::from_parts(head, body), extent)
        };
        if head.status.is_informational() || is_event_stream(&head.headers) {
            return untouched(head, body, Extent::Part(Tombstone::Streaming));
        }
        let Some(draft) = Draft::begin(head.status, self.headers.of(&head.headers)) else {
            return untouched(head, body, Extent::Part(Tombstone::TooLarge));
        };
        if matches!(
            head.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        ) {
            // These have no body (RFC 9110 §15.3.5, §15.4.5), whatever the handler gave.
            return untouched(head, body, Extent::Whole(draft));
        }
        let least = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let room = self.record_max.checked_sub(draft.len());
        let Some(room) = room.filter(|room| least <= *room) else {
            return untouched(head, body, Extent::Part(Tombstone::TooLarge));
        };
        let mut read = Gathered::default();
        let end = self.gather(&mut read, &mut body, room).await;
        let (data, trailers) = read.into_parts();
        let (body, extent) = match end {
            Some(End::Whole) => (ReadBody::whole(data, trailers), Extent::Whole(draft)),
            Some(End::Full) => (
                ReadBody::begun(data, body),
                Extent::Part(Tombstone::TooLarge),
            ),
            Some(End::Failed(error)) => (ReadBody::failed(data, error), Extent::Failed),
            None => (
                ReadBody::begun(data, body),
                Extent::Part(Tombstone::Streaming),
            ),
        };
        (Response::from_parts(head, body), extent)
    }

    /// `None` when the time is over.
    async fn gather<B>(
        &self,
        read: &mut Gathered,
        body: &mut B,
        room: usize,
    ) -> Option<End<B::Error>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut timer = pin!(Timer::unarmed());
        poll_fn(|cx| {
            if let Poll::Ready(end) = read.poll_read(Pin::new(body), room, cx) {
                return Poll::Ready(Some(end));
            }
            if !timer.is_armed() {
                timer
                    .as_mut()
                    .arm(time::after(time::now(), self.stream_after));
            }
            timer.as_mut().poll_fired(cx).map(|()| None)
        })
        .await
    }

    /// What is kept of a response that was read and is to be kept.
    pub(crate) fn keep<B: Body>(
        &self,
        response: &Response<ReadBody<B>>,
        extent: Extent,
    ) -> Disposition {
        match extent {
            Extent::Part(reason) => Disposition::Tombstone(reason),
            Extent::Failed => Disposition::Unknown,
            Extent::Whole(draft) => {
                let body = response.body();
                let record = draft.finish(body.data(), body.trailers());
                let fits = |record: &Bytes| record.len() <= self.record_max;
                match record.filter(fits) {
                    Some(record) => Disposition::Keep(record),
                    None => Disposition::Tombstone(Tombstone::TooLarge),
                }
            }
        }
    }

    pub(crate) fn replay<B: Body>(
        &self,
        record: Bytes,
    ) -> Result<Response<ReadBody<B>>, Unreadable> {
        let record = Record::read(record)?;
        let mut response = Response::new(ReadBody::whole(record.data, record.trailers));
        *response.status_mut() = record.status;
        *response.headers_mut() = record.headers;
        response.headers_mut().set(self.replayed, b"true");
        Ok(response)
    }
}

/// Says that the response was made without a claim.
pub(crate) fn mark_bypassed<B>(response: &mut Response<B>) {
    response.headers_mut().set(STATUS, b"bypassed");
}

/// A stream of events ends when the client has had enough.
fn is_event_stream(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = value.and_then(|value| value.split(|byte| *byte == b';').next());
    kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
}
