//! Random histories of several nodes over one store in memory, beside the plainest store there is.
//! `MAINSTAY_SEED=<n>` runs one history again.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;

use mainstay::Rng;
use mainstay::idempotency::{
    Claim, Claimed, Fenced, Fingerprint, MemoryStore, MemoryStoreConfig, OnLapse, Store, StoreKey,
    Stored, Tombstone,
};

use crate::kit::{ACQUIRED, KEY, claim, memory, record};
use crate::spec::Spec;

const KEYS: u64 = 4;
const STEPS: u64 = 60;

struct History {
    seed: u64,
    rng: Rng,
    store: MemoryStore,
    spec: Spec,
    /// Executions that may yet do something. A node that crashes forgets some of them.
    running: Vec<Claim>,
    owners: u128,
    /// Who was granted which attempt, since the key was last not known.
    granted: HashMap<StoreKey, HashMap<u64, Claim>>,
    /// What ran last to its end.
    finished: HashMap<StoreKey, Claim>,
}

impl History {
    fn new(seed: u64, store: MemoryStore, spec: Spec) -> Self {
        Self {
            seed,
            rng: Rng::seeded(seed),
            store,
            spec,
            running: Vec::new(),
            owners: 0,
            granted: HashMap::new(),
            finished: HashMap::new(),
        }
    }

    fn draw(&self, below: u64) -> u64 {
        (self.rng.bits() >> 16) % below
    }

    fn seconds(&self, choices: &[u64]) -> Duration {
        let drawn = usize::try_from(self.draw(choices.len() as u64)).expect("small");
        match choices[drawn] {
            u64::MAX => Duration::MAX,
            seconds => Duration::from_secs(seconds),
        }
    }

    /// What both stores answer, which must be one.
    fn agreed<T: PartialEq + Debug>(&self, what: &str, ours: T, theirs: T) -> T {
        let seed = self.seed;
        assert_eq!(
            ours, theirs,
            "seed {seed}: {what}: ours, and the plainest's"
        );
        ours
    }

    async fn run(&mut self) {
        for _ in 0..STEPS {
            self.step().await;
            self.counts();
        }
        self.ends().await;
    }

    async fn step(&mut self) {
        let at = usize::try_from(self.draw(self.running.len().max(1) as u64)).expect("small");
        let known = self.running.get(at).copied();
        match (self.draw(16), known) {
            (0..4, _) | (_, None) => self.arrive().await,
            // The answer was lost, or comes twice.
            (4 | 5, Some(claim)) => self.claim(&claim).await,
            (6 | 7, Some(claim)) => {
                let ours = self.store.renew(&claim).await;
                _ = self.agreed("renew", ours, self.spec.renew(&claim).await);
            }
            (8..11, Some(claim)) => self.finish(&claim).await,
            (11, Some(claim)) => self.release(&claim).await,
            (12, Some(_)) => drop(self.running.swap_remove(at)),
            (13, Some(claim)) if self.draw(4) == 0 => self.purge(&claim.key).await,
            _ => {
                let wait = self.seconds(&[0, 1, 1, 2, 5, 11]);
                tokio::time::advance(wait).await;
            }
        }
    }

    /// A request comes, to some node.
    async fn arrive(&mut self) {
        self.owners += 1;
        let fingerprint = u8::from(self.draw(8) == 0);
        let claim = Claim {
            fingerprint: Fingerprint::from_bytes([fingerprint; 32]),
            lease: self.seconds(&[0, 1, 5, 5, 10, u64::MAX]),
            retention: self.seconds(&[0, 3, 20, 20, 60, u64::MAX]),
            on_lapse: match self.draw(2) {
                0 => OnLapse::TakeOver,
                _ => OnLapse::Indeterminate,
            },
            ..claim(self.draw(KEYS), self.owners)
        };
        self.running.push(claim);
        self.claim(&claim).await;
    }

    async fn claim(&mut self, claim: &Claim) {
        if !self.spec.knows(&claim.key) {
            self.granted.remove(&claim.key);
        }
        let ours = self.store.claim(claim).await;
        let answer = self.agreed("claim", ours, self.spec.claim(claim).await);
        let seed = self.seed;
        match answer.expect("it cannot fail") {
            Claimed::Acquired { attempt } => {
                let granted = self.granted.entry(claim.key).or_default();
                let before = granted.insert(attempt, *claim);
                let is_same = before.is_none_or(|was| was.owner == claim.owner);
                assert!(is_same, "seed {seed}: attempt {attempt} was given to two");
                let highest = granted.keys().max();
                assert_eq!(highest, Some(&attempt), "seed {seed}: an older attempt");
            }
            Claimed::Done(_) => {
                let finished = self.finished.get(&claim.key);
                let is_same = finished.is_some_and(|was| was.fingerprint == claim.fingerprint);
                assert!(is_same, "seed {seed}: another request's result");
            }
            _ => {}
        }
    }

    async fn finish(&mut self, claim: &Claim) {
        let result = match self.draw(4) {
            0 => Stored::Tombstone(Tombstone::Streaming),
            _ => record(usize::try_from(self.draw(700)).expect("small") + 1),
        };
        let ours = self.store.finish(claim, result.clone()).await;
        let answer = self.agreed("finish", ours, self.spec.finish(claim, result).await);
        if answer == Ok(Fenced::Applied) {
            self.finished.insert(claim.key, *claim);
        }
    }

    async fn release(&mut self, claim: &Claim) {
        let ours = self.store.release(claim).await;
        _ = self.agreed("release", ours, self.spec.release(claim).await);
    }

    async fn purge(&mut self, key: &StoreKey) {
        let ours = self.store.purge(key).await;
        _ = self.agreed("purge", ours, self.spec.purge(key).await);
    }

    fn counts(&self) {
        let seen = self.store.snapshot();
        let (pending, done, bytes) = self.spec.counts();
        let expected = (pending, done, bytes + (pending + done) * KEY);
        let ours = (seen.pending(), seen.done(), seen.bytes());
        self.agreed("pending, done, bytes", ours, expected);
    }

    /// There is a way out of every state: time, or an operator for what was to be kept for ever.
    async fn ends(&mut self) {
        tokio::time::advance(Duration::from_secs(1000)).await;
        self.counts();
        for key in 0..KEYS {
            if self.spec.knows(&claim(key, 0).key) {
                self.purge(&claim(key, 0).key).await;
            }
        }
        for key in 0..KEYS {
            self.owners += 1;
            let next = claim(key, self.owners);
            let answer = self.store.claim(&next).await;
            assert_eq!(answer, Ok(ACQUIRED), "seed {}", self.seed);
            assert_eq!(self.store.release(&next).await, Ok(Fenced::Applied));
        }
        let seen = self.store.snapshot();
        assert_eq!((seen.records(), seen.bytes()), (0, 0), "seed {}", self.seed);
    }
}

/// Every seed, or the one that is asked for.
fn seeds(many: u64) -> impl Iterator<Item = u64> {
    let one = std::env::var("MAINSTAY_SEED").ok();
    let one = one.map(|seed| seed.parse().expect("MAINSTAY_SEED is a number"));
    one.map_or(0..many, |seed| seed..seed + 1)
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_histories_go_as_the_plainest_store_says() {
    for seed in seeds(10_000) {
        let store = memory(1000, 64 << 20);
        History::new(seed, store, Spec::default()).run().await;
    }
}

#[tokio::test(start_paused = true)]
async fn histories_in_too_little_room_go_as_the_plainest_store_says() {
    for seed in seeds(2_000) {
        // Room for one to four keys, and for nothing to three records besides.
        let keys = 1 + usize::try_from(seed % 4).expect("small");
        let bytes = keys * KEY + usize::try_from(seed / 4 % 5).expect("small") * 300;
        let most = if seed % 3 == 0 { 1000 } else { keys };
        let (store, spec) = (memory(most, bytes), Spec::within(most, bytes));
        History::new(seed, store, spec).run().await;
    }
}

#[tokio::test(start_paused = true)]
async fn histories_over_many_shards_go_as_the_plainest_store_says() {
    let config = MemoryStoreConfig::default();
    for seed in seeds(500) {
        let store = MemoryStore::new(config.clone()).expect("in range");
        History::new(seed, store, Spec::default()).run().await;
    }
}
