//! The store: shards, and what goes beyond one of them.

use std::convert::Infallible;
use std::fmt;
use std::hash::BuildHasher as _;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::ConfigError;
use crate::idempotency::{Claim, Claimed, Fenced, Store, StoreKey, Stored, Tombstone};
use crate::rng::Rng;
use crate::sync::Lock;
use crate::time::{self, Instant};

use super::room::{KEY_BYTES, Lack, Room, Turn};
use super::shard::Shard;
use super::spread::Spread;
use super::waiter::Waiter;
use super::{MemorySnapshot, MemoryStoreConfig};

/// Of how many keys a shard is made at least. So small limits are those of one shard, which demotes
/// strictly by age.
const SHARD_KEYS: usize = 1024;
const SHARDS_MAX: usize = 64;

/// How many keys an operation looks at whose time has come: in its own shard, and in another when it
/// is that one's turn. An operation makes no more than one key that will expire, so both keep up.
const SWEEP: usize = 4;
const SWEEP_VISIT: usize = 32;
/// And in each shard when there is no room, or when somebody wants the counts.
const SWEEP_ALL: usize = 256;

/// How often room is made for a key. More than once is only needed when others take it.
const TRIES: usize = 4;

/// Keeps claims and results in this process's memory, within limits.
///
/// Its clones are one store. What it holds is lost with the process, and not seen by another: with
/// several instances of a service behind one address, each would run a request once.
///
/// An operation takes one short lock, one in several takes two, and none scans. What expires is
/// forgotten in passing, a few keys with each operation on whatever key; a store that nobody asks
/// keeps what it has.
///
/// # Limits
/// Both limits hold at every moment. Keys that are claimed are never forgotten for want of room, nor
/// those whose outcome is unknown. The record of a result that is larger than all the room there could
/// be is kept as a tombstone.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    shards: Box<[Lock<Shard>]>,
    spread: Spread,
    room: Room,
    evict_oldest: bool,
}

impl MemoryStore {
    /// An empty one.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(config: MemoryStoreConfig) -> Result<Self, ConfigError> {
        Self::spread_by(&Rng::thread(), config)
    }

    /// One whose keys are spread over shards and buckets by what `rng` draws.
    pub(super) fn spread_by(rng: &Rng, config: MemoryStoreConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let spread = Spread::random(rng);
        let shards = 0..shards(&config);
        let shared = Shared {
            shards: shards
                .map(|_| Lock::new(Shard::new(spread.clone())))
                .collect(),
            spread,
            room: Room::new(config.name.clone(), &config),
            evict_oldest: config.evict_oldest,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// How much it holds, after it has forgotten what has expired. It takes time in proportion to
    /// that; the counts of one shard are of one moment, those of two are not.
    pub fn snapshot(&self) -> MemorySnapshot {
        let now = time::now();
        let mut seen = MemorySnapshot::default();
        for shard in &self.shared.shards {
            let mut turn = self.shared.room.turn();
            while shard.lock().sweep(now, SWEEP_ALL, &mut turn) > 0 {}
            let [claims, records, tombstones] = shard.lock().counts();
            seen.pending = seen.pending.saturating_add(claims);
            seen.done = seen.done.saturating_add(records).saturating_add(tombstones);
            seen.tombstones = seen.tombstones.saturating_add(tombstones);
        }
        seen.bytes = self.shared.room.taken().bytes;
        seen
    }
}

/// By hand: what it holds is nothing for a log, and too long for one.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("taken", &self.shared.room.taken())
            .finish_non_exhaustive()
    }
}

/// A power of two. More processors than shards would wait for each other, and more shards than keys
/// would be of no use.
fn shards(config: &MemoryStoreConfig) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let wanted = processors.saturating_mul(4).next_power_of_two();
    let keys = config.records.min(config.bytes / KEY_BYTES);
    let useful = (keys / SHARD_KEYS).checked_ilog2();
    let useful = useful.and_then(|power| 1_usize.checked_shl(power));
    wanted.min(SHARDS_MAX).min(useful.unwrap_or(1))
}

impl Shared {
    /// One operation on the shard of `key`, and a look at another when it is time for that.
    fn act<T>(
        &self,
        key: &StoreKey,
        now: Instant,
        turn: &mut Turn<'_>,
        act: impl FnOnce(&mut Shard, &mut Turn<'_>) -> T,
    ) -> T {
        let home = self.home(key);
        let mut shard = self.shard(home).lock();
        let _ = shard.sweep(now, SWEEP, turn);
        let said = act(&mut shard, turn);
        let visit = shard.visit();
        drop(shard);
        if let Some(distance) = visit {
            // If it is locked, it is used, and needs no visit.
            if let Some(mut other) = self.shard(home.wrapping_add(distance)).try_lock() {
                let _ = other.sweep(now, SWEEP_VISIT, turn);
            }
        }
        said
    }

    /// The number of the shard of a key, by bits by which a map does not choose a bucket.
    fn home(&self, key: &StoreKey) -> usize {
        let bits = self.spread.hash_one(key) >> 40u32;
        usize::try_from(bits).unwrap_or_default()
    }

    /// The shard of this number, counted round.
    fn shard(&self, number: usize) -> &Lock<Shard> {
        let mask = self.shards.len().saturating_sub(1);
        #[expect(
            clippy::indexing_slicing,
            reason = "there is a power of two of them, so the mask keeps it below the length"
        )]
        &self.shards[number & mask]
    }

    /// Acts until there was room for what is to be kept, or none could be made.
    fn act_in_room<T>(
        &self,
        key: &StoreKey,
        now: Instant,
        may_evict: bool,
        mut act: impl FnMut(&mut Shard, &mut Turn<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut turn = self.room.turn();
        let mut from = self.home(key);
        for _ in 0..TRIES {
            if let Some(said) = self.act(key, now, &mut turn, &mut act) {
                return Some(said);
            }
            while let Some(lack) = turn.lacks() {
                let is_made = self.make_room(from, now, &mut turn, lack)
                    || (may_evict && self.evict(from, now, &mut turn));
                if !is_made {
                    return None;
                }
                from = from.wrapping_add(1);
            }
        }
        None
    }

    /// Forgets what has expired, or demotes a record where that helps; whether there was any.
    ///
    /// Keys are spread evenly over the shards, so whose turn it is matters little: what is demoted is
    /// the oldest of its shard, and about the oldest of all.
    fn make_room(&self, from: usize, now: Instant, turn: &mut Turn<'_>, lack: Lack) -> bool {
        self.any(from, |shard| {
            shard.sweep(now, SWEEP_ALL, turn) > 0
                || (lack == Lack::Records && shard.demote(now, turn))
        })
    }

    fn evict(&self, from: usize, now: Instant, turn: &mut Turn<'_>) -> bool {
        self.any(from, |shard| shard.evict(now, turn))
    }

    /// Whether one of the shards did it, tried in turn, one lock at a time.
    fn any(&self, from: usize, mut act: impl FnMut(&mut Shard) -> bool) -> bool {
        let all = 0..self.shards.len();
        all.map(|step| self.shard(from.wrapping_add(step)))
            .any(|shard| act(&mut shard.lock()))
    }
}

impl MemoryStore {
    fn act<T>(
        &self,
        key: &StoreKey,
        act: impl FnOnce(&mut Shard, Instant, &mut Turn<'_>) -> T,
    ) -> T {
        let now = time::now();
        let mut turn = self.shared.room.turn();
        let act = |shard: &mut Shard, turn: &mut Turn<'_>| act(shard, now, turn);
        self.shared.act(key, now, &mut turn, act)
    }

    fn claim_now(&self, claim: &Claim) -> Claimed {
        let now = time::now();
        let act = |shard: &mut Shard, turn: &mut Turn<'_>| shard.claim(claim, now, turn);
        let shared = &self.shared;
        let answer = shared.act_in_room(&claim.key, now, shared.evict_oldest, act);
        answer.unwrap_or(Claimed::Full)
    }

    fn finish_now(&self, claim: &Claim, result: Stored) -> Fenced {
        let now = time::now();
        let shared = &self.shared;
        let finish = |result: &Stored, may_evict| {
            let act =
                |shard: &mut Shard, turn: &mut Turn<'_>| shard.finish(claim, result, now, turn);
            shared.act_in_room(&claim.key, now, may_evict, act)
        };
        let tombstone = match result {
            Stored::Tombstone(_) => result,
            Stored::Record(record) => {
                // A copy: a slice of a large buffer would keep the whole of that, and count as little.
                let record = Stored::Record(Bytes::copy_from_slice(&record));
                if let Some(answer) = finish(&record, false) {
                    return answer;
                }
                Stored::Tombstone(Tombstone::Demoted)
            }
        };
        finish(&tombstone, shared.evict_oldest).unwrap_or(Fenced::Gone)
    }
}

impl Store for MemoryStore {
    type Error = Infallible;

    async fn claim(&self, claim: &Claim) -> Result<Claimed, Infallible> {
        Ok(self.claim_now(claim))
    }

    async fn renew(&self, claim: &Claim) -> Result<Fenced, Infallible> {
        Ok(self.act(&claim.key, |shard, now, turn| shard.renew(claim, now, turn)))
    }

    async fn finish(&self, claim: &Claim, result: Stored) -> Result<Fenced, Infallible> {
        Ok(self.finish_now(claim, result))
    }

    async fn release(&self, claim: &Claim) -> Result<Fenced, Infallible> {
        Ok(self.act(&claim.key, |shard, now, turn| {
            shard.release(claim, now, turn)
        }))
    }

    /// Returns at once when nobody has the key; else when it is finished, released or purged, when the
    /// lease ends that it has now, and after `wait` in any case.
    ///
    /// # Cancel safety
    /// Dropped, it leaves nothing behind.
    async fn changed(&self, key: &StoreKey, wait: Duration) {
        let home = self.shared.shard(self.shared.home(key));
        if let Some((waiter, rung)) = Waiter::new(home, *key, time::now()) {
            let wait = wait.min(waiter.lease_left());
            // Rung or not: the caller asks again.
            let _ = tokio::time::timeout(wait, rung).await;
        }
    }

    async fn purge(&self, key: &StoreKey) -> Result<bool, Infallible> {
        Ok(self.act(key, |shard, now, turn| shard.purge(key, now, turn)))
    }
}

#[cfg(test)]
impl MemoryStore {
    /// That what is counted is what is there; and the sums of [`Shard::sizes`].
    pub(super) fn audit(&self) -> [usize; 3] {
        let shards = self.shared.shards.iter().map(Lock::lock);
        let (mut all, mut sizes) = (super::room::Load::default(), [0; 3]);
        for shard in shards {
            all = all.plus(shard.audit());
            for (sum, size) in std::iter::zip(&mut sizes, shard.sizes()) {
                *sum += size;
            }
        }
        assert_eq!(all, self.shared.room.taken());
        sizes
    }

    #[cfg(not(mainstay_loom))]
    pub(super) fn shards(&self) -> usize {
        self.shared.shards.len()
    }

    pub(super) fn home_of(&self, claim: &Claim) -> &Lock<Shard> {
        self.shared.shard(self.shared.home(&claim.key))
    }
}
