//! Whom to believe.

/// What becomes of the context that a peer sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Boundary {
    /// It goes on. The default, for peers of one's own.
    #[default]
    Continue,
    /// A new trace begins: ids and flags are new, tracestate and baggage are dropped. For requests from
    /// outside, who could otherwise choose the ids, have everything sampled and fill the tracestate.
    Restart,
    /// A new trace begins, and the tracestate is kept.
    RestartKeepState,
}

/// Decides for each request whether its peer is believed. A [`Boundary`] says the same for all;
/// closures `Fn(&Req) -> Boundary` do.
pub trait Trust<Req> {
    /// What becomes of the context of this request.
    fn boundary(&self, request: &Req) -> Boundary;
}

impl<Req> Trust<Req> for Boundary {
    fn boundary(&self, _request: &Req) -> Boundary {
        *self
    }
}

impl<F, Req> Trust<Req> for F
where
    F: Fn(&Req) -> Boundary,
{
    fn boundary(&self, request: &Req) -> Boundary {
        self(request)
    }
}
