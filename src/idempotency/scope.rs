//! Whose a key is.

/// Says whose key a request carries: the tenant, account or user, as the server knows it and not as
/// the request claims. Two scopes never see each other's results.
///
/// Closures `Fn(&Req) -> Option<impl AsRef<[u8]>>` do: a request for which they give `None` is
/// refused with [`Kind::ScopeMissing`](crate::Kind::ScopeMissing), and is never everybody's.
pub trait Scope<Req>: Send + Sync + 'static {
    /// What a scope is named by.
    type Name: AsRef<[u8]>;

    /// The scope of this request.
    fn scope(&self, request: &Req) -> Scoped<Self::Name>;
}

/// What is known of the scope of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoped<T> {
    /// It is this one's.
    To(T),
    /// There is only one that it could be.
    Single,
    /// It cannot be told.
    Missing,
}

impl<F, Req, T> Scope<Req> for F
where
    F: Fn(&Req) -> Option<T> + Send + Sync + 'static,
    T: AsRef<[u8]>,
{
    type Name = T;

    fn scope(&self, request: &Req) -> Scoped<T> {
        self(request).map_or(Scoped::Missing, Scoped::To)
    }
}

/// All requests are of one tenant.
#[derive(Clone, Copy, Debug)]
pub struct SingleTenant;

impl<Req> Scope<Req> for SingleTenant {
    type Name = [u8; 0];

    fn scope(&self, _request: &Req) -> Scoped<[u8; 0]> {
        Scoped::Single
    }
}

/// Nobody has said yet whose keys these are. A layer in this state makes no services.
#[derive(Clone, Copy, Debug)]
pub struct Unscoped;
