//! The hash of a hash.

use std::hash::{BuildHasher, Hasher};

use crate::rng::Rng;

/// Two words of a key, multiplied under two seeds of the store.
///
/// A key is a SHA-256 already, so its bytes are spread evenly. But clients choose what is hashed, and
/// could look for keys that agree in the few bits by which a map chooses a bucket. To combine those
/// bits with a seed by XOR would not help: keys that agree would agree yet. A product of 128 bits,
/// its halves folded, depends in every bit on both words and on seeds that nobody sees, and costs one
/// multiplication where std's `SipHash` costs some twenty nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    seeds: [u64; 2],
}

impl Spread {
    pub(super) fn random(rng: &Rng) -> Self {
        Self {
            seeds: [rng.bits(), rng.bits()],
        }
    }

    fn fold(&self, words: [u64; 2]) -> u64 {
        let [a, b] = words;
        let [s, t] = self.seeds;
        let product = u128::from(a ^ s).wrapping_mul(u128::from(b ^ t));
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let folded = (product >> 64u32) as u64 ^ product as u64;
        folded
    }
}

impl BuildHasher for Spread {
    type Hasher = Words;

    fn build_hasher(&self) -> Words {
        Words {
            spread: self.clone(),
            hash: 0,
        }
    }
}

/// Hashes what begins with 16 bytes of a key, and ignores the rest.
#[derive(Debug)]
pub(super) struct Words {
    spread: Spread,
    hash: u64,
}

impl Hasher for Words {
    fn write(&mut self, bytes: &[u8]) {
        let Some((first, rest)) = bytes.split_first_chunk::<8>() else {
            return;
        };
        let second = rest.first_chunk::<8>().unwrap_or(first);
        let words = [u64::from_le_bytes(*first), u64::from_le_bytes(*second)];
        self.hash = self.spread.fold(words);
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idempotency::StoreKey;

    #[test]
    fn keys_that_agree_in_many_bits_are_spread_by_any_seed() {
        let spread = Spread::random(&Rng::thread());
        let mut buckets = [0_u32; 64];
        let mut shards = [0_u32; 16];
        for n in 0..6400_u64 {
            let mut bytes = [0; 32];
            bytes[4..8].copy_from_slice(&n.to_be_bytes()[4..]);
            let hash = spread.hash_one(StoreKey::from_bytes(bytes));
            buckets[usize::try_from(hash & 63).unwrap()] += 1;
            shards[usize::try_from(hash >> 40 & 15).unwrap()] += 1;
        }
        // 100 and 400 expected in each; a hash that kept them together would have thousands.
        assert!(buckets.iter().all(|count| *count < 1000), "{buckets:?}");
        assert!(shards.iter().all(|count| *count < 2000), "{shards:?}");
    }

    #[test]
    fn a_key_is_hashed_equally_by_the_clones_of_a_store() {
        let spread = Spread::random(&Rng::seeded(1));
        let key = StoreKey::from_bytes([9; 32]);
        assert_eq!(spread.hash_one(key), spread.clone().hash_one(key));
        let other = Spread::random(&Rng::seeded(2));
        assert_ne!(spread.hash_one(key), other.hash_one(key));
    }
}
