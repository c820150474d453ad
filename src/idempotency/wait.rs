//! Waits for the result of another request with the same key.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Kind;
use crate::rng::Rng;
use crate::sync::Lock;
use crate::time::{self, Instant};

use super::execution::{Answer, Asked, Claiming};
use super::refusal::Refusal;
use super::shared::Shared;
use super::{Claim, IdempotencyConfig, Store, StoreKey};

/// How many wait, in all and for each key that is waited for.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    state: Lock<State>,
}

#[derive(Debug, Default)]
struct State {
    all: u32,
    by_key: HashMap<StoreKey, u32>,
}

impl Waiters {
    pub(super) fn count(&self) -> u32 {
        self.state.lock().all
    }
}

impl State {
    /// Says whether there was a place.
    fn enter(&mut self, key: StoreKey, per_key: u32, all: u32) -> bool {
        let here = self.by_key.get(&key).copied().unwrap_or(0);
        if self.all >= all || here >= per_key {
            return false;
        }
        self.by_key.insert(key, here.saturating_add(1));
        self.all = self.all.saturating_add(1);
        true
    }

    fn leave(&mut self, key: StoreKey) {
        self.all = self.all.saturating_sub(1);
        if let Entry::Occupied(mut here) = self.by_key.entry(key) {
            *here.get_mut() = here.get().saturating_sub(1);
            if *here.get() == 0 {
                here.remove();
            }
        }
    }
}

/// A place among those who wait; dropped, it is left.
struct Place<T> {
    shared: Arc<Shared<T>>,
    key: StoreKey,
}

impl<T> Place<T> {
    fn take(shared: &Arc<Shared<T>>, key: StoreKey, config: &IdempotencyConfig) -> Option<Self> {
        let mut state = shared.waiters.state.lock();
        let entered = state.enter(key, config.waiters_per_key, config.waiters);
        drop(state);
        entered.then(|| {
            shared.figures.waiting.increment(1.0);
            let shared = Arc::clone(shared);
            Self { shared, key }
        })
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        self.shared.waiters.state.lock().leave(self.key);
        self.shared.figures.waiting.decrement(1.0);
    }
}

/// How long to the next claim, if nothing is heard before.
const PAUSE_MIN: Duration = Duration::from_millis(25);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// How long to the next claim in any case: a store that hears of changes all the time is not asked all
/// the time.
const REST: Duration = Duration::from_millis(5);

/// One that waits.
pub(super) struct Waiting<T> {
    pub(super) shared: Arc<Shared<T>>,
    pub(super) claim: Claim,
    pub(super) config: IdempotencyConfig,
    pub(super) rng: Rng,
}

impl<T: Store> Waiting<T> {
    /// Claims again and again until the answer is another than that the key is held. So whoever wins the
    /// claim when it is given back runs, and nobody else does.
    ///
    /// # Errors
    /// When there is no place to wait, the time is up, or the store does not answer: who has been told
    /// that another runs is not to run beside it, whatever is chosen for when the store is down.
    pub(super) async fn wait(
        self,
        max: Duration,
        mut lease_left: Duration,
    ) -> Result<Asked<T>, Refusal> {
        let key = self.claim.key;
        let Some(_place) = Place::take(&self.shared, key, &self.config) else {
            return Err(Refusal::for_now(Kind::TooManyWaiters));
        };
        let ends = time::after(time::now(), max);
        let mut pause = PAUSE_MIN;
        loop {
            let now = time::now();
            if ends.is_some_and(|ends| ends <= now) {
                return Err(Refusal::in_flight(lease_left));
            }
            // Not all at once; and not before the lease can have ended, unless something is heard.
            let jittered = self.rng.duration(REST..=pause);
            let wait = jittered.min(lease_left).max(REST);
            self.heard(now, wait, ends).await;
            pause = pause.saturating_mul(2).min(PAUSE_MAX);

            let claiming = Claiming::new(&self.shared, self.claim, self.config);
            let answer = match ends {
                Some(ends) => tokio::time::timeout_at(ends, claiming).await,
                None => Ok(claiming.await),
            };
            match answer {
                Ok((_, Answer::InFlight(left))) => lease_left = left,
                Ok((_, Answer::Silent(cause))) => {
                    return Err(Refusal::for_now(Kind::StoreUnavailable).because(cause));
                }
                Ok(answer) => return Ok(answer),
                Err(_) => return Err(Refusal::in_flight(lease_left)),
            }
        }
    }

    /// Returns after `wait`, or when the key may have changed, but not at once; and at `ends` at the
    /// latest, whatever the store does.
    async fn heard(&self, now: Instant, wait: Duration, ends: Option<Instant>) {
        let least = time::sooner(time::after(now, REST), ends);
        let most = time::sooner(time::after(now, wait), ends);
        let changed = self.shared.store.changed(&self.claim.key, wait);
        // Both are short, so neither is never.
        if let (Some(least), Some(most)) = (least, most) {
            let _ = tokio::time::timeout_at(most, changed).await;
            tokio::time::sleep_until(least).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> StoreKey {
        StoreKey::from_bytes([number; 32])
    }

    #[test]
    fn places_are_bounded_for_each_key_and_in_all_and_nothing_stays_of_them() {
        let mut state = State::default();
        assert!(!state.enter(key(0), 0, 9) && !state.enter(key(0), 9, 0));
        assert!(state.by_key.is_empty());

        assert!(state.enter(key(0), 2, 3) && state.enter(key(0), 2, 3));
        assert!(!state.enter(key(0), 2, 3), "two wait for it already");
        assert!(state.enter(key(1), 2, 3));
        assert!(!state.enter(key(2), 2, 3), "three wait already");
        assert_eq!(state.by_key.len(), 2, "who is refused leaves no entry");

        state.leave(key(0));
        assert!(state.enter(key(2), 2, 3));
        for left in [0, 1, 2] {
            state.leave(key(left));
        }
        assert!(state.by_key.is_empty());
        assert_eq!(state.all, 0);
    }

    #[test]
    fn the_largest_bounds_refuse_nobody() {
        let mut state = State::default();
        assert!(state.enter(key(0), u32::MAX, u32::MAX));
    }
}
