//! Asks until the lease is granted.

use std::time::Duration;

use tokio::time::sleep_until;

use crate::coordination::election::CampaignError;
use crate::coordination::election::seal::Seal;
use crate::coordination::timing::nth;
use crate::coordination::{AcquireError, Grant, LeaseStore};

use super::held::bounded;
use super::wait::{both, pause};
use super::{Driver, First, first};

impl<L: LeaseStore, S: Seal> Driver<L, S> {
    /// Waits until it is granted. Dropped, the store may have been granted it all the same.
    pub(super) async fn win(&mut self) -> Result<Grant, CampaignError> {
        let mut was_there = true;
        loop {
            if let Some(earliest) = self.earliest {
                sleep_until(earliest).await;
                // Only now: whoever leaves during the pause leaves the rest of it to the next.
                self.earliest = None;
            }
            if self.floor.forget_the_last() {
                self.back_off();
                return Err(CampaignError::Exhausted);
            }
            match self.ask().await {
                Some(Ok(grant)) => return Ok(grant),
                // What may have been granted is of no use, and in the way of others.
                None => self.give_back().await,
                Some(Err(AcquireError::Taken { leader, retry })) => {
                    self.board.follows(leader);
                    self.wait(retry).await;
                }
                Some(Err(error @ AcquireError::Unavailable { retry, .. })) => {
                    if was_there {
                        self.board.unavailable(&error);
                    }
                    was_there = false;
                    self.wait(retry).await;
                    continue;
                }
                Some(Err(AcquireError::Exhausted)) => {
                    self.back_off();
                    return Err(CampaignError::Exhausted);
                }
            }
            was_there = true;
        }
    }

    /// Asks once. `None` when a lease that was asked for by now could only have ended.
    async fn ask(&mut self) -> Option<Result<Grant, AcquireError>> {
        self.has_asked = true;
        let asked = self.clock.now();
        let asking = self.store.acquire(self.floor.get());
        match first(asking, pause(self.timing.ttl())).await {
            First::One(answer) => Some(answer.map(|grant| bounded(grant, asked, &self.timing))),
            First::Other(()) => None,
        }
    }

    /// As long as the store says, or until the lease is given back; but whatever it says, not so short
    /// that asking becomes a storm, nor longer than any lease lasts.
    async fn wait(&mut self, retry: Duration) {
        let least = nth(self.timing.ttl(), 100);
        let most = self.timing.held();
        let hinted = first(self.store.freed(), pause(retry.min(most)));
        both(hinted, pause(least)).await;
    }
}
