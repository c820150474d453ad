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
    #[inline]
    pub fn new(purpose: &'static str) -> Self {
        Self(Sha256::new()).part(purpose.as_bytes())
    }

    /// Adds a part.
    #[inline]
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

/// The part of every key that is the layer's name, hashed once.
#[derive(Clone, Debug)]
pub(super) struct Namespace(Sha256);

impl Namespace {
    /// The name is filled up with zeros to whole blocks of the hash, so that what follows it begins a
    /// block: a key, with a scope of up to 22 bytes, is then one block and not two or three. The length
    /// of the name is hashed before it, so no two names are one text.
    pub(super) fn new(name: &str) -> Self {
        const BLOCK: usize = 64;
        const LENGTHS: usize = 2 * size_of::<u64>();
        let purpose = "store";
        let Hasher(mut hash) = Hasher::new(purpose).part(name.as_bytes());
        let taken = LENGTHS.wrapping_add(purpose.len()).wrapping_add(name.len());
        for _ in 0..taken.wrapping_neg() % BLOCK {
            hash.update([0]);
        }
        Self(hash)
    }

    /// Under what a request is kept.
    pub(super) fn key(&self, scope: Option<&[u8]>, key: ClientKey) -> StoreKey {
        let mut hash = self.0.clone();
        // Of one length, and so without it; what follows it is the scope to the end.
        hash.update(key.0);
        if let Some(scope) = scope {
            // A single tenant's key has nothing here, so that no scope is equal to none.
            hash.update([1]);
            hash.update(scope);
        }
        StoreKey(hash.finalize().into())
    }
}

impl StoreKey {
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

impl Fingerprint {
    /// Of a request of which nothing but its key tells it from others: [`Hasher::new`] of `"message"`,
    /// and no part.
    pub(super) const KEY_ALONE: Self = Self([
        0xec, 0x3a, 0x4c, 0x13, 0xdc, 0xa0, 0x47, 0x4d, 0x02, 0x2c, 0x09, 0x0f, 0x51, 0x9a, 0x3b,
        0x9b, 0x16, 0x32, 0xea, 0x31, 0x06, 0xa4, 0x83, 0x1a, 0x50, 0x01, 0xbd, 0x0b, 0x0a, 0xeb,
        0x42, 0x3d,
    ]);
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
    use std::collections::HashSet;

    use super::*;

    fn key(namespace: &str, scope: Option<&str>, key: &str) -> StoreKey {
        let namespace = Namespace::new(namespace);
        namespace.key(scope.map(str::as_bytes), ClientKey::of(key.as_bytes()))
    }

    #[test]
    fn names_of_all_lengths_around_a_block_differ() {
        let names: Vec<String> = (0..200).map(|length| "\0".repeat(length)).collect();
        let keys: HashSet<_> = names.iter().map(|name| key(name, None, "c")).collect();
        assert_eq!(keys.len(), names.len());
        let scopes = names.iter().map(|name| key("n", Some(name), "c"));
        let scopes: HashSet<_> = scopes.chain([key("n", None, "c")]).collect();
        assert_eq!(scopes.len(), names.len() + 1);
    }

    /// Records outlive a release: with another hash, every key would run once more. By hand, these are
    /// SHA-256 of the padded name, of the hash of the client's key, and of 1 and the scope.
    #[test]
    fn the_hash_of_a_key_stays_what_it_is() {
        let hex = |key: StoreKey| -> String {
            let bytes = key.as_bytes().iter();
            let digits = bytes.flat_map(|byte| [byte >> 4, byte & 15]);
            let digits = digits.map(|digit| char::from_digit(digit.into(), 16));
            digits.flatten().collect()
        };
        assert_eq!(
            hex(key("charges", None, "order-7")),
            "f74ecbb4548ff9a563ebe424b79c0cf770a382d13ab8a99ab9985f43cc58d418"
        );
        assert_eq!(
            hex(key("charges", Some("acme"), "order-7")),
            "ce7e997e7ce59ea35e7b9ac1eac66d869573e44cad9d11dbfaf144be9061921e"
        );
    }

    #[test]
    fn what_has_no_fingerprint_but_its_key_has_that_of_no_parts() {
        let no_parts = Fingerprint::hashed(Hasher::new("message"));
        assert_eq!(Fingerprint::KEY_ALONE.0, no_parts.0);
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
