//! What a store knows of a request: hashes of fixed size, and nothing of what was hashed.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::rng::Rng;

/// SHA-256 over parts, each with its length before it, so that no two lists of parts are one text:
/// `a|bc` and `ab|c` differ.
#[derive(Clone, Debug)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Begins a hash for one `purpose`, so that equal parts hashed for another differ.
    pub fn new(purpose: &'static str) -> Self {
        Self(Sha256::new()).part(purpose.as_bytes())
    }

    /// Adds a part.
    #[must_use]
    pub fn part(mut self, part: &[u8]) -> Self {
        // A usize is no wider than 64 bits on any platform that Rust has.
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// What a client called its request, hashed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientKey([u8; 32]);

impl ClientKey {
    /// Of the key as the client gave it.
    pub fn of(key: &[u8]) -> Self {
        Self::hashed(Hasher::new("key").part(key))
    }

    /// Of several parts: the key, and what else tells two requests apart.
    pub fn hashed(parts: Hasher) -> Self {
        Self(parts.finish())
    }
}

/// Under what a store keeps a request: the layer's name, the scope and the client's key, hashed. It
/// gives none of them away, and is of one size.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    pub(super) fn new(namespace: &str, scope: Option<&[u8]>, key: ClientKey) -> Self {
        let parts = Hasher::new("store").part(namespace.as_bytes()).part(&key.0);
        // A single tenant's key has one part less, so that no scope is equal to none.
        Self(scope.into_iter().fold(parts, Hasher::part).finish())
    }

    /// From the bytes that a store kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What makes two requests the same request, hashed. A key that comes again with another one was
/// reused, and does not run.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of the parts that must be equal.
    pub fn hashed(parts: Hasher) -> Self {
        Self(parts.finish())
    }

    /// From the bytes that a store kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Who claims a key: one execution, named at random by its layer. So every operation of a store can
/// be repeated when its answer was lost, and no one can act on another's claim.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner([u8; 16]);

impl Owner {
    /// A new one, of 128 random bits.
    pub fn random(rng: &Rng) -> Self {
        Self::from_number((u128::from(rng.bits()) << 64u32) | u128::from(rng.bits()))
    }

    /// From the number that a store kept.
    pub const fn from_number(number: u128) -> Self {
        Self(number.to_be_bytes())
    }

    /// The number.
    pub const fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// Half of it.
    pub(super) fn low_bits(self) -> u64 {
        u64::try_from(self.number() & u128::from(u64::MAX)).unwrap_or(u64::MAX)
    }
}

/// The first four bytes, enough to tell two apart in a log.
fn short(bytes: &[u8], name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{name}(")?;
    for byte in bytes.iter().take(4) {
        write!(f, "{byte:02x}")?;
    }
    f.write_str("..)")
}

/// Bytes of which a log is told how many they are, and enough of their hash to tell two apart.
pub(super) struct Untold<'a>(pub(super) &'a [u8]);

impl fmt::Debug for Untold<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, ", self.0.len())?;
        short(&Hasher::new("untold").part(self.0).finish(), "hash", f)
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        short(&self.0, "ClientKey", f)
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        short(&self.0, "StoreKey", f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        short(&self.0, "Fingerprint", f)
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        short(&self.0, "Owner", f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str, scope: Option<&str>, key: &str) -> StoreKey {
        StoreKey::new(
            namespace,
            scope.map(str::as_bytes),
            ClientKey::of(key.as_bytes()),
        )
    }

    #[test]
    fn no_boundary_between_parts_can_be_moved() {
        assert_ne!(key("n", Some("a"), "bc"), key("n", Some("ab"), "c"));
        assert_ne!(key("a", Some("b"), "c"), key("ab", Some(""), "c"));
        assert_ne!(key("n", Some(""), "c"), key("n", None, "c"));
        assert_eq!(key("n", Some("a"), "c"), key("n", Some("a"), "c"));
        let parts = |parts: &[&str]| {
            let hasher = parts
                .iter()
                .fold(Hasher::new("f"), |all, part| all.part(part.as_bytes()));
            Fingerprint::hashed(hasher)
        };
        assert_ne!(parts(&["a", "b"]), parts(&["ab"]));
        assert_ne!(parts(&["a"]), parts(&["a", ""]));
    }

    #[test]
    fn what_is_printed_gives_nothing_away() {
        let secret = "4242424242424242";
        let said = format!(
            "{:?} {:?}",
            key("n", Some(secret), secret),
            ClientKey::of(secret.as_bytes())
        );
        assert!(!said.contains("4242"), "{said}");
        assert!(said.len() < 60, "{said}");
    }
}
