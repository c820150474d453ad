//! What a refusal's source tells the client: where to ask, or with what.

use http::header::{HeaderName, HeaderValue};

use crate::coordination::{NotLeader, Stale};
use crate::error::Rejection;

/// A field for the answer, a header of HTTP or metadata of gRPC.
pub(crate) fn hint(refusal: &Rejection) -> Option<(HeaderName, HeaderValue)> {
    use std::error::Error as _;

    let source = refusal.source()?;
    if let Some(stale) = source.downcast_ref::<Stale>() {
        let name = HeaderName::from_static(Stale::FIELD.name());
        return Some((name, stale.high().into()));
    }
    let leader = source.downcast_ref::<NotLeader>()?.leader()?;
    let name = HeaderName::from_static(NotLeader::FIELD.name());
    Some((name, HeaderValue::from(leader.0)))
}
