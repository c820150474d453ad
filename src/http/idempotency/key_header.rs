//! Keys in a header.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use http_body::Body;
use tower::BoxError;

use crate::context::{Carrier, Field};
use crate::error::Kind;
use crate::idempotency::{ClientKey, Execution, Fingerprint, Hasher, Prepare, Unfit};

use super::ReadBody;
use super::gather::{End, Gathered};
use super::key::{self, KeyFault};
use super::recorder::MIB;

const IDEMPOTENCY_KEY: Field = Field::known("idempotency-key");

/// Finds the key of a request in its `Idempotency-Key` header, as the draft
/// draft-ietf-httpapi-idempotency-key-header-07 has it, and what makes two requests the same.
///
/// The key is a string in quotes (RFC 8941 §3.3.3) or the same without them: `"k"` and `k` are one
/// key. It has 1 to 255 visible ASCII characters, 0x21 to 0x7e, and its case counts. Parameters of a
/// string in quotes (RFC 8941 §3.1.2) are passed over, since the draft gives them no meaning; without
/// quotes a key has no quotes, commas, semicolons or backslashes in it. Several headers of the name, a
/// list, and all else are refused with [`Kind::KeyMalformed`].
///
/// Two requests are the same when their method, path, query, `Content-Type` and body are. Other headers
/// say nothing, since proxies change them. A field of the body that differs with each try, as a time of
/// sending, makes each try another request. The path is the one that the layer sees: inside of a router
/// that strips a prefix (axum's `nest`), the routes `/v1/charges` and `/v2/charges` are one, unless their
/// layers have different names.
///
/// The body is read into memory for that, before anything is claimed, and until the deadline of the
/// request at the longest. A request without a deadline is waited for as its handler would wait for it.
/// Around what takes streams that wait for answers, as a bidirectional stream of gRPC, that is for
/// ever: leave those without a key.
#[derive(Clone, Debug)]
pub struct KeyHeader {
    field: Field,
    methods: Vec<Method>,
    is_required: bool,
    is_per_route: bool,
    body_max: usize,
}

impl Default for KeyHeader {
    fn default() -> Self {
        Self {
            field: IDEMPOTENCY_KEY,
            methods: vec![Method::POST, Method::PATCH],
            is_required: false,
            is_per_route: false,
            body_max: MIB,
        }
    }
}

impl KeyHeader {
    /// Keys of POST and PATCH requests, which may also have none.
    pub fn new() -> Self {
        Self::default()
    }

    /// The header. Default `idempotency-key`.
    #[must_use]
    pub const fn field(mut self, field: Field) -> Self {
        self.field = field;
        self
    }

    /// The methods whose requests have keys; others pass straight through, whatever their headers
    /// say. Default POST and PATCH.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = methods.into_iter().collect();
        self
    }

    /// Refuses requests of these methods that have no key, with [`Kind::KeyMissing`]. Default: they
    /// pass straight through.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// Lets each method and path have keys of its own. Default: a key that was used elsewhere is
    /// refused with [`Kind::KeyReused`].
    #[must_use]
    pub const fn per_route(mut self) -> Self {
        self.is_per_route = true;
        self
    }

    /// The most bytes of the body of a request with a key. One that is longer is refused with
    /// [`Kind::BodyTooLarge`], unread where it says its length. Default 1 MiB.
    #[must_use]
    pub const fn body_max(mut self, bytes: usize) -> Self {
        self.body_max = bytes;
        self
    }

    /// The text of the only key.
    fn text<B>(&self, request: &Request<B>) -> Result<Option<Vec<u8>>, KeyFault> {
        let mut lines = Carrier::get_all(request, self.field);
        match (lines.next(), lines.next()) {
            (None, _) => Ok(None),
            (Some(line), None) => key::parse(line).map(Some),
            (Some(_), Some(_)) => Err(KeyFault::Lines),
        }
    }
}

impl<B> Prepare<Request<B>> for KeyHeader
where
    B: Body<Data = Bytes, Error: Into<BoxError> + Send> + Unpin + Send,
{
    type Inner = Request<ReadBody<B>>;

    fn key(&self, request: &Request<B>) -> Result<Option<ClientKey>, Unfit> {
        if !self.methods.contains(request.method()) {
            return Ok(None);
        }
        let malformed = |fault| Unfit::new(Kind::KeyMalformed).because(Arc::new(fault));
        let Some(text) = self.text(request).map_err(malformed)? else {
            return if self.is_required {
                Err(Unfit::new(Kind::KeyMissing))
            } else {
                Ok(None)
            };
        };
        Ok(Some(if self.is_per_route {
            let method = request.method().as_str().as_bytes();
            let path = request.uri().path().as_bytes();
            ClientKey::hashed(Hasher::new("key").part(&text).part(method).part(path))
        } else {
            ClientKey::of(&text)
        }))
    }

    fn pass(&self, request: Request<B>) -> Self::Inner {
        request.map(ReadBody::untouched)
    }

    async fn fingerprint(&self, request: Request<B>) -> Result<(Self::Inner, Fingerprint), Unfit> {
        let (head, mut body) = request.into_parts();
        if body.size_hint().lower() > self.body_max as u64 {
            return Err(Unfit::new(Kind::BodyTooLarge));
        }
        let mut read = Gathered::default();
        match poll_fn(|cx| read.poll_read(Pin::new(&mut body), self.body_max, cx)).await {
            End::Whole => {}
            End::Full => return Err(Unfit::new(Kind::BodyTooLarge)),
            End::Failed(error) => {
                let error: BoxError = error.into();
                return Err(Unfit::new(Kind::BodyFailed).because(error.into()));
            }
        }
        let (data, trailers) = read.into_parts();
        let target = head.uri.path_and_query();
        let target = target.map_or("", |target| target.as_str());
        let hash = Hasher::new("http").part(head.method.as_str().as_bytes());
        // The body is last, so it is clear which of the parts between are content types.
        let kinds = head.headers.get_all(CONTENT_TYPE).into_iter();
        let hash = kinds.fold(hash.part(target.as_bytes()), |hash, kind| {
            hash.part(kind.as_bytes())
        });
        let fingerprint = Fingerprint::hashed(hash.part(&data));
        let request = Request::from_parts(head, ReadBody::whole(data, trailers));
        Ok((request, fingerprint))
    }

    fn attach(&self, request: &mut Self::Inner, execution: &Execution) {
        request.extensions_mut().insert(execution.clone());
    }
}
