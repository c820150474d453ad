//! Which token a request carries.

use crate::context::Carrier;
use crate::coordination::{FencingToken, MalformedToken, Permit};

/// Finds the token that a request carries. Closures
/// `Fn(&Req) -> Result<Option<FencingToken>, MalformedToken>` do.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot find the fencing token of `{Req}`",
    note = "for a request that is no `Carrier` of fields, say where its token is: `.bearer(|request: &Request| Ok(request.token))`"
)]
pub trait Bearer<Req> {
    /// The token; `None` where there is none.
    ///
    /// # Errors
    /// When what stands in its place is none.
    fn token(&self, request: &Req) -> Result<Option<FencingToken>, MalformedToken>;

    /// The request was let in with `permit`, or with none where it has no token: leaves with the request
    /// what the service below may want of it. By default nothing.
    fn let_in(&self, _request: &mut Req, _permit: Option<&Permit>) {}
}

impl<F, Req> Bearer<Req> for F
where
    F: Fn(&Req) -> Result<Option<FencingToken>, MalformedToken>,
{
    fn token(&self, request: &Req) -> Result<Option<FencingToken>, MalformedToken> {
        self(request)
    }
}

/// The default: the token is in the field [`fencing-token`](FencingToken::FIELD) of the message, as a
/// header of HTTP or a metadata key of gRPC. A message with more than one has none that can be read.
///
/// A clone of the [`Permit`] is attached to the request where that keeps such things, as
/// `http::Request` does in its extensions: its [`token`](Permit::token) can go into the condition of a
/// write, and whoever goes on when the caller has left takes it along. No other permit is left there.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenField;

impl<Req: Carrier> Bearer<Req> for TokenField {
    fn token(&self, request: &Req) -> Result<Option<FencingToken>, MalformedToken> {
        FencingToken::read(request)
    }

    fn let_in(&self, request: &mut Req, permit: Option<&Permit>) {
        match permit {
            Some(permit) => request.attach(permit.clone()),
            None => request.detach::<Permit>(),
        }
    }
}
