//! Whose a key is.

/// Says whose key a request carries: the tenant, account or user, as the server knows it and not as
/// the request claims. Two scopes never see each other's results.
///
/// Closures `Fn(&Req) -> Option<impl AsRef<[u8]>>` do: a request for which they give `None` is
/// refused with [`Kind::ScopeMissing`](crate::Kind::ScopeMissing), and is never everybody's. So is one
/// for which the name is empty.
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
pub struct Unscoped /* add .scope(..) or .single_tenant() to the layer */;

/// What a layer that was told whose its keys are has in the place of [`Unscoped`].
#[derive(Clone, Copy, Debug)]
pub struct By<K>(pub(super) K);

/// That a layer was told whose its keys are.
#[diagnostic::on_unimplemented(
    message = "nobody has said whose the keys of this idempotency layer are",
    label = "its keys would be shared by all clients",
    note = "add `.scope(|request: &Request| ..)` to the layer, which gives the tenant, account or user that the server knows the request to be of",
    note = "where there is only one that it could be, add `.single_tenant()`"
)]
pub trait HasScope: sealed::Sealed {
    /// The scope that its services have.
    type Scope;

    /// A copy of it for one more service.
    fn scope(&self) -> Self::Scope;
}

impl<K: Clone> HasScope for By<K> {
    type Scope = K;

    fn scope(&self) -> K {
        self.0.clone()
    }
}

mod sealed {
    /// Only this crate says what has a scope.
    #[expect(unnameable_types, reason = "it is sealed")]
    pub trait Sealed {}

    impl<K> Sealed for super::By<K> {}
}
