//! The plainest store as a [`Store`].

use std::convert::Infallible;
use std::time::Duration;

use mainstay::idempotency::{Claim, Claimed, Fenced, Store, StoreKey, Stored, Tombstone};

use crate::fault::Fault;
use crate::spec::Spec;

impl Store for Spec {
    type Error = Infallible;

    async fn claim(&self, claim: &Claim) -> Result<Claimed, Infallible> {
        if self.has(Fault::ReadsBeforeItWrites) {
            let mut read = self.with_row(&claim.key, |row| row.clone());
            tokio::task::yield_now().await;
            let answer = self.claim_row(&mut read, claim, false);
            self.with_row(&claim.key, |row| *row = read);
            return Ok(answer);
        }
        let is_full = self.is_full(&claim.key)
            || (self.bytes_max.is_some() && !self.make_room(&claim.key, 0));
        Ok(self.with_row(&claim.key, |row| self.claim_row(row, claim, is_full)))
    }

    async fn renew(&self, claim: &Claim) -> Result<Fenced, Infallible> {
        Ok(self.with_row(&claim.key, |row| self.renew_row(row, claim)))
    }

    async fn finish(&self, claim: &Claim, result: Stored) -> Result<Fenced, Infallible> {
        if self.is_full(&claim.key) {
            return Ok(Fenced::Gone);
        }
        let mut result = result;
        if self.bytes_max.is_some() && self.would_keep(claim) {
            let wanted = match &result {
                Stored::Record(record) => record.len(),
                Stored::Tombstone(_) => 0,
            };
            if !self.make_room(&claim.key, wanted) {
                if !self.make_room(&claim.key, 0) {
                    return Ok(Fenced::Gone);
                }
                result = Stored::Tombstone(Tombstone::Demoted);
            }
        }
        Ok(self.with_row(&claim.key, |row| self.finish_row(row, claim, result)))
    }

    async fn release(&self, claim: &Claim) -> Result<Fenced, Infallible> {
        Ok(self.with_row(&claim.key, |row| self.release_row(row, claim)))
    }

    async fn changed(&self, _key: &StoreKey, wait: Duration) {
        if self.has(Fault::WaitsForEver) {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(wait).await;
    }

    async fn purge(&self, key: &StoreKey) -> Result<bool, Infallible> {
        Ok(self.with_row(key, |slot| {
            let is_spared = self.has(Fault::PurgesOnlyUnfinished)
                && slot.as_ref().is_some_and(|row| row.result.is_some());
            if is_spared {
                return false;
            }
            slot.take().is_some() || self.has(Fault::PurgeAlwaysSaysYes)
        }))
    }
}
