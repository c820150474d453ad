//! No hints: the `coordination` feature is off, so nobody gives any.

use http::header::{HeaderName, HeaderValue};

use crate::error::Rejection;

pub(crate) const fn hint(_refusal: &Rejection) -> Option<(HeaderName, HeaderValue)> {
    None
}
