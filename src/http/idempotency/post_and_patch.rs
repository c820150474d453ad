//! Which requests of a client get a key.

use http::{Method, Request};

use crate::idempotency::Which;

/// POST and PATCH: the methods that [`KeyHeader`](super::KeyHeader) reads keys of. Others are idempotent
/// by themselves (RFC 9110 §9.2.2).
#[derive(Clone, Copy, Debug, Default)]
pub struct PostAndPatch;

impl<B> Which<Request<B>> for PostAndPatch {
    fn takes(&self, request: &Request<B>) -> bool {
        matches!(*request.method(), Method::POST | Method::PATCH)
    }
}
