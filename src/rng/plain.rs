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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::draw;

    #[test]
    fn threads_draw_from_sequences_of_their_own() {
        let thousand = || [(); 1000].map(|()| draw(rand::Rng::next_u64));
        let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(thousand)).collect();
        let draws = threads.into_iter().flat_map(|each| each.join().unwrap());
        assert_eq!(draws.collect::<HashSet<_>>().len(), 8000);
    }
}
