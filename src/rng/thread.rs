//! The thread's generator of `rand`.

use rand::rngs::ThreadRng;

#[inline]
pub(super) fn draw<T>(draw: impl FnOnce(&mut ThreadRng) -> T) -> T {
    draw(&mut rand::rng())
}
