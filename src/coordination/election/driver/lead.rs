//! One term, from its grant until its lease is given back.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::coordination::election::LeaseGuard;
use crate::coordination::election::seal::{Seal, Unsealed};
use crate::coordination::{Grant, LeaseStore};

use super::held::{End, Held};
use super::run::Reply;
use super::{Driver, First, first};

impl<L: LeaseStore, S: Seal> Driver<L, S> {
    /// The reply is taken when the term begins.
    pub(super) async fn lead(&mut self, grant: Grant, reply: &mut Option<Reply>) {
        let floor = self.floor.get();
        let (clock, board) = (Arc::clone(&self.clock), Arc::clone(&self.board));
        let held = Held::new(grant, self.timing, clock, board, self.rng.clone());
        let (release, released) = oneshot::channel();
        let end = {
            let term = held.term.clone();
            let guard = LeaseGuard::new(term, Arc::clone(&self.floor), &self.timing, released);
            let beginning = begin(&self.seal, &held, grant, guard, reply);
            let beginning = first(held.given_up(), beginning);
            let ending = first(held.notices(), held.renewals(&mut self.store));
            match first(ending, beginning).await {
                First::One(First::One(end) | First::Other(end))
                | First::Other(First::One(end) | First::Other(end)) => end,
            }
        };
        held.end(end);
        // What ran under it ends now. Until it has, or the lease, nobody else may begin.
        let ends = held.grant().ends;
        first(held.term.joined(), held.reached(ends)).await;
        // The store may take longer than the lease; whoever watches hears of its end all the same.
        let ended = async {
            held.reached(ends).await;
            held.end(End::Lost);
            pending::<()>().await;
        };
        first(ended, self.give_back()).await;
        drop(held);
        _ = release.send(());
        if end != End::Resigned || self.floor.get() != floor {
            self.back_off();
        }
    }
}

/// Seals, in the time of the first lease, and then gives the guard to whoever has campaigned. Returns
/// when the term cannot begin.
async fn begin<S: Seal>(
    seal: &S,
    held: &Held,
    grant: Grant,
    guard: LeaseGuard,
    reply: &mut Option<Reply>,
) -> End {
    let sealing = first(held.reached(grant.usable_until), seal.seal(grant.token));
    let closed = async {
        match reply {
            Some(reply) => reply.closed().await,
            None => pending().await,
        }
    };
    match first(closed, sealing).await {
        First::Other(First::Other(Ok(()))) => {}
        First::Other(First::Other(Err(error))) => {
            if let Unsealed::Stale { high } = error {
                guard.superseded_by(high);
            }
            held.unsealed(&error);
            return End::Unsealed;
        }
        First::Other(First::One(())) => {
            held.unsealed(&"it was not sealed in time");
            return End::Unsealed;
        }
        First::One(()) => return End::Resigned,
    }
    held.elect();
    if let Some(reply) = reply.take() {
        // Where nobody waits for it any more the guard is dropped, and so the term is given up.
        drop(reply.send(Ok(guard)));
    }
    pending().await
}
