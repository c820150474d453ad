//! What requests did, and what they look like.

use std::sync::{Arc, Mutex, PoisonError};

/// How many requests of one caller are remembered. Older ones are long over.
const REMEMBERED: usize = 4096;

/// The number of a request: its caller's, and its place among that caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nonce(pub(crate) u64);

impl Nonce {
    pub(crate) const fn new(caller: u64, place: u64) -> Self {
        Self(caller << 40 | place)
    }

    const fn caller(self) -> u64 {
        self.0 >> 40
    }

    const fn place(self) -> u64 {
        self.0 & ((1 << 40) - 1)
    }

    /// Bits that say what the request is like.
    pub(crate) const fn bits(self) -> u64 {
        mix(self.0)
    }

    /// What is sent with it and what is answered, where no more than `max` bytes are.
    pub(crate) fn bytes(self, max: u64) -> Vec<u8> {
        let wanted = usize::try_from(mix(self.0 ^ max) % (max + 1)).unwrap_or_default();
        let words = (0..wanted.div_ceil(8) as u64).map(|word| mix(self.0.wrapping_add(word << 32)));
        let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        bytes.truncate(wanted);
        bytes
    }
}

/// The mixing of `SplitMix64`.
const fn mix(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// How often each request had its effect. It takes as much memory at the end as at the beginning.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    callers: Arc<[Mutex<Vec<Entry>>]>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    place: u64,
    effects: u64,
}

/// The effect cannot be counted any more: the request is too old.
#[derive(Debug)]
pub(crate) struct Forgotten;

impl Ledger {
    pub(crate) fn new(callers: u64) -> Self {
        // No request has this place.
        let entry = Entry {
            place: 0,
            effects: 0,
        };
        let callers = (0..callers).map(|_| Mutex::new(vec![entry; REMEMBERED]));
        Self {
            callers: callers.collect(),
        }
    }

    /// Has the effect, and says how often it has been had.
    pub(crate) fn act(&self, nonce: Nonce) -> Result<u64, Forgotten> {
        self.with(nonce, |entry| {
            let place = nonce.place();
            if entry.place > place {
                return Err(Forgotten);
            }
            if entry.place < place {
                *entry = Entry { place, effects: 0 };
            }
            entry.effects += 1;
            Ok(entry.effects)
        })
    }

    /// How often it was had.
    pub(crate) fn effects(&self, nonce: Nonce) -> u64 {
        let found = self.with(nonce, |entry| {
            Ok(entry.effects * u64::from(entry.place == nonce.place()))
        });
        found.unwrap_or_default()
    }

    fn with<T>(
        &self,
        nonce: Nonce,
        act: impl FnOnce(&mut Entry) -> Result<T, Forgotten>,
    ) -> Result<T, Forgotten> {
        let caller = usize::try_from(nonce.caller()).map_err(|_| Forgotten)?;
        let slot = usize::try_from(nonce.place()).map_err(|_| Forgotten)? % REMEMBERED;
        let caller = self.callers.get(caller).ok_or(Forgotten)?;
        let mut entries = caller.lock().unwrap_or_else(PoisonError::into_inner);
        act(entries.get_mut(slot).ok_or(Forgotten)?)
    }
}
