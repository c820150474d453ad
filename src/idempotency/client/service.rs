//! The service that gives requests their keys.

use std::fmt;
use std::io::Write as _;
use std::task::{Context, Poll};

use tower::Service;

use crate::context::{Carrier, Field};
use crate::rng::Rng;
use crate::telemetry::Counter;

use super::{All, Which};

/// Gives requests their keys; made by [`IdempotencyKeyLayer`](super::IdempotencyKeyLayer).
#[derive(Clone)]
pub struct IdempotencyKey<S, F = All> {
    pub(super) inner: S,
    pub(super) field: Field,
    pub(super) which: F,
    pub(super) rng: Rng,
    pub(super) minted: Counter,
}

/// A quote, 32 hexadecimal digits, a quote.
const LENGTH: usize = 34;

impl<S, Req, F> Service<Req> for IdempotencyKey<S, F>
where
    S: Service<Req>,
    Req: Carrier,
    F: Which<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Req) -> S::Future {
        let has_one = request.get_all(self.field).next().is_some();
        if !has_one && self.which.takes(&request) {
            request.set(self.field, &mint(&self.rng));
            self.minted.increment(1);
        }
        self.inner.call(request)
    }
}

fn mint(rng: &Rng) -> [u8; LENGTH] {
    let mut key = [b'"'; LENGTH];
    let (high, low) = (rng.bits(), rng.bits());
    if let Some(mut digits) = key.get_mut(1..) {
        // The digits fit, and the last byte stays a quote.
        let _ = write!(digits, "{high:016x}{low:016x}");
    }
    key
}

impl<S: fmt::Debug, F> fmt::Debug for IdempotencyKey<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyKey")
            .field("inner", &self.inner)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_string_of_128_bits_with_every_digit() {
        for seed in 0..100 {
            let rng = Rng::seeded(seed);
            let key = mint(&rng);
            let again = Rng::seeded(seed);
            let text = format!("\"{:016x}{:016x}\"", again.bits(), again.bits());
            assert_eq!(key.as_slice(), text.as_bytes());
            assert_ne!(key, mint(&rng));
        }
    }
}
