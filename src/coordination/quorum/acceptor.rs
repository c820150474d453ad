//! An acceptor as a service.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Mutex;
use tower::Service;

use crate::coordination::{Acceptor, AcceptorId, Clock, Timing, TokenStore};
use crate::name::Name;
use crate::telemetry::Scope;

use super::seat::{Seat, Shared};
use super::waits::Waits;
use super::{AcceptorError, AcceptorFuture, LeaseRequest, LeaseResponse};

/// Grants the lease of one resource to whoever asks it as a service.
///
/// It answers messages one after the other. Most are answered at once; the first of a new term is answered
/// when the store has kept it, on a thread that may block, and others wait meanwhile. Outside a runtime of
/// tokio that blocks the thread that asks, and a wait is answered with silence at once. It bounds neither
/// how many wait nor for how long: where strangers can ask, put a bulkhead and a timeout around it.
///
/// Whoever waits for a lease to be given back is one of 256 at most; one more is answered with silence.
///
/// A store that fails, or panics, ends it: from then on it answers with [`AcceptorError::Failed`], because
/// what the disk holds is not known. Make it anew, with the store opened again.
///
/// Clones are one acceptor. It is always ready.
#[derive(Clone, Debug)]
pub struct AcceptorService {
    id: AcceptorId,
    shared: Arc<Shared>,
}

impl AcceptorService {
    /// Begins, for the first time or after a crash, with what `store` has kept. It is silent for
    /// [`Timing::quarantine`]: what it granted before may still be held.
    ///
    /// `timing` is that of all who take part, and `id` is this acceptor's alone for as long as its store
    /// exists.
    pub fn new(
        resource: impl Into<Name>,
        id: AcceptorId,
        timing: Timing,
        store: impl TokenStore,
        clock: impl Clock,
    ) -> Self {
        let durable = store.load();
        let acceptor = Acceptor::new(id, &timing, durable, clock.now());
        Self::with(resource.into(), acceptor, Arc::new(store), Arc::new(clock))
    }

    /// Begins without the quarantine. Only where every node that asks lives in the acceptor's own process,
    /// so that what ends the acceptor ends every holder too; anywhere else there may be two.
    pub fn embedded(
        resource: impl Into<Name>,
        id: AcceptorId,
        timing: Timing,
        store: impl TokenStore,
        clock: impl Clock,
    ) -> Self {
        let acceptor = Acceptor::embedded(id, &timing, store.load());
        Self::with(resource.into(), acceptor, Arc::new(store), Arc::new(clock))
    }

    fn with(
        resource: Name,
        acceptor: Acceptor,
        store: Arc<dyn TokenStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let scope = Scope::new("acceptor", resource.clone());
        let id = acceptor.id();
        let seat = Seat {
            acceptor,
            failure: None,
        };
        let shared = Shared {
            resource,
            seat: Arc::new(Mutex::new(seat)),
            store,
            clock,
            waits: Waits::new(&scope),
            scope,
        };
        Self {
            id,
            shared: Arc::new(shared),
        }
    }

    /// Which one it is.
    pub const fn id(&self) -> AcceptorId {
        self.id
    }
}

impl Service<LeaseRequest> for AcceptorService {
    type Response = LeaseResponse;
    type Error = AcceptorError;
    type Future = AcceptorFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), AcceptorError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: LeaseRequest) -> AcceptorFuture {
        AcceptorFuture::new(Arc::clone(&self.shared), request)
    }
}
