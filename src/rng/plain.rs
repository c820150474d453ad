//! A generator for each thread, in builds without a layer that draws: they are spared what `rand`'s compiles.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;

thread_local! {
    /// The seed is the system's: it keys the hasher.
    static RNG: RefCell<Xoshiro256PlusPlus> =
        RefCell::new(Xoshiro256PlusPlus::seed_from_u64(RandomState::new().hash_one(0)));
}

pub(super) fn draw<T>(draw: impl FnOnce(&mut Xoshiro256PlusPlus) -> T) -> T {
    RNG.with_borrow_mut(draw)
}
