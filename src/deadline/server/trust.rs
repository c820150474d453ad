//! Whose word counts.

/// Decides whether the peer that sent a request is one of ours. Closures `Fn(&Req) -> bool` do.
///
/// Ask for something that a peer cannot say of itself: the address it connected from, its
/// certificate. Behind a trusted proxy, ask whether the request came by it.
pub trait Trust<Req> {
    /// Whether to believe what only trusted peers may say.
    fn trusts(&self, request: &Req) -> bool;
}

/// The default: no peer is trusted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl<Req> Trust<Req> for Nobody {
    fn trusts(&self, _request: &Req) -> bool {
        false
    }
}

impl<F, Req> Trust<Req> for F
where
    F: Fn(&Req) -> bool,
{
    fn trusts(&self, request: &Req) -> bool {
        self(request)
    }
}
