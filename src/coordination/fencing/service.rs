//! Lets in calls of the present term.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower::Service;

use crate::coordination::{FencingGate, FencingToken, GateError};
use crate::error::{Executed, Kind, StackError};
use crate::telemetry::Tally;

use super::future::Waiting;
use super::held::{Inside, Outside, refuse};
use super::layer::{Entry, Shared};
use super::{Bearer, FencingFuture, OnMissing, TokenField};

/// Lets in the calls whose term is not over; made by [`FencingLayer`](super::FencingLayer).
///
/// It is ready when the inner service is, so what that has reserved is kept while a call of a new term
/// waits: once for each term.
#[derive(Clone, Debug)]
pub struct Fencing<S, T = TokenField> /* S::Error: StackError; add error::layer()? */ {
    inner: S,
    gate: FencingGate,
    shared: Arc<Shared>,
    entry: Entry,
    bearer: T,
}

impl<S, T> Fencing<S, T> {
    pub(super) const fn new(
        inner: S,
        gate: FencingGate,
        shared: Arc<Shared>,
        entry: Entry,
        bearer: T,
    ) -> Self {
        Self {
            inner,
            gate,
            shared,
            entry,
            bearer,
        }
    }
}

impl<S, Req, T> Service<Req> for Fencing<S, T>
where
    S: Service<Req> + Clone,
    S::Error: StackError,
    T: Bearer<Req> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = FencingFuture<S, Req, T>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let mut tally = Tally::new(&self.shared);
        let token = match self.bearer.token(&request) {
            Ok(Some(token)) => token,
            Ok(None) if self.entry.on_missing == OnMissing::Pass => {
                return self.run(request, Inside::unfenced(tally));
            }
            Ok(None) => {
                return FencingFuture::refused(tally.reject(Kind::TokenMissing, Executed::No));
            }
            Err(_) => {
                return FencingFuture::refused(tally.reject(Kind::TokenMalformed, Executed::No));
            }
        };
        match self.gate.try_enter_beside(token, self.entry.beside) {
            Ok(permit) => self.run(request, Inside::new(permit, tally)),
            Err(GateError::Unrecorded) => self.wait(request, token, tally),
            Err(error) => FencingFuture::refused(refuse(&mut tally, error)),
        }
    }
}

impl<S: Clone, T: Clone> Fencing<S, T> {
    fn run<Req>(&mut self, mut request: Req, inside: Inside) -> FencingFuture<S, Req, T>
    where
        S: Service<Req>,
        T: Bearer<Req>,
    {
        self.bearer.let_in(&mut request, inside.permit());
        FencingFuture::running(self.inner.call(request), inside)
    }

    /// The instance that was made ready goes with the call, and a clone takes its place.
    fn wait<Req>(
        &mut self,
        request: Req,
        token: FencingToken,
        tally: Tally<Shared>,
    ) -> FencingFuture<S, Req, T>
    where
        S: Service<Req>,
    {
        let entering = self.gate.entering(token, self.entry.beside);
        let outside = Outside::new(entering, tally);
        let fresh = self.inner.clone();
        let inner = mem::replace(&mut self.inner, fresh);
        FencingFuture::waiting(Waiting::new(inner, request, self.bearer.clone(), outside))
    }
}
