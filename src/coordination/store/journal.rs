//! The bytes of a store: slots that are filled one after the other, each of them twice.
//!
//! # Invariants
//! - J1: the length never changes, so a file that was cut short is seen to be.
//! - J2: every slot stands in both halves, a block of 4 KiB apart. A record that was written in whole
//!   survives the loss of either copy.
//! - J3: a slot is written once. So what can be torn is the first slot after the whole ones, and nothing
//!   stands behind it. Any other damage is no crash's doing, and is an error.
//! - J4: the tokens grow from slot to slot.

use crate::coordination::{FencingToken, Incarnation, NodeId, Owner};

use super::crc::crc32;
use super::{StoreError, TokenRecord};

/// The length of a store's file, in bytes.
pub(super) const LENGTH: usize = 2 * HALF;

/// The most bytes that a name has.
pub(super) const NAME: usize = 32;

const HALF: usize = 4096;
const SLOT: usize = 64;
const SLOTS: usize = HALF / SLOT;
const MAGIC: &[u8; 8] = b"mstoken1";

/// 64 bytes: a checksum, and what it is over. The number of the slot is under the checksum too.
pub(super) type Slot = [u8; SLOT];

const BLANK: Slot = [0; SLOT];

/// A store that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Journal {
    /// The last whole record.
    pub(super) last: Option<TokenRecord>,
    /// The slot for the next one.
    pub(super) next: usize,
}

/// The bytes of a new store that holds `last` alone.
pub(super) fn image(name: &str, last: Option<TokenRecord>) -> Result<Vec<u8>, StoreError> {
    let mut header = [0; SLOT];
    put(&mut header, 4, MAGIC);
    let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
    if !(1..=NAME).contains(&usize::from(length)) {
        return Err(StoreError::Name);
    }
    put(&mut header, 12, &[length]);
    put(&mut header, 13, name.as_bytes());
    let mut half = Vec::with_capacity(LENGTH);
    half.extend(sealed(0, header));
    half.extend(last.into_iter().flat_map(|record| slot(1, record)));
    half.resize(HALF, 0);
    half.extend_from_within(..);
    Ok(half)
}

/// Where the two copies of slot `index` begin; `None` past the last slot.
pub(super) fn places(index: usize) -> Option<[usize; 2]> {
    if index >= SLOTS {
        return None;
    }
    let first = index.checked_mul(SLOT)?;
    Some([first, first.checked_add(HALF)?])
}

/// The bytes of slot `index`.
pub(super) fn slot(index: usize, record: TokenRecord) -> Slot {
    let mut bytes = [0; SLOT];
    put(&mut bytes, 4, &record.token.number().to_le_bytes());
    if let Some(owner) = record.owner {
        put(&mut bytes, 12, &owner.incarnation.0.to_le_bytes());
        put(&mut bytes, 28, &owner.node.0.to_le_bytes());
        put(&mut bytes, 32, &[1]);
    }
    sealed(index, bytes)
}

/// What a file that should be the store called `name` holds.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Journal, StoreError> {
    let (Some(first), Some(second)) = (bytes.get(..HALF), bytes.get(HALF..LENGTH)) else {
        return Err(damaged(bytes, "it was cut short"));
    };
    if bytes.len() != LENGTH {
        return Err(damaged(bytes, "it is too long"));
    }
    let mut journal = Journal {
        last: None,
        next: 1,
    };
    let mut is_over = false;
    let pairs = first.chunks_exact(SLOT).zip(second.chunks_exact(SLOT));
    for (index, (a, b)) in pairs.enumerate() {
        match whole(index, a, b)? {
            Found::Blank | Found::Broken if index == 0 => {
                return Err(damaged(bytes, "its head is lost"));
            }
            Found::Whole(_) | Found::Broken if is_over => {
                return Err(StoreError::Corrupt("something stands past its end"));
            }
            Found::Blank | Found::Broken => is_over = true,
            Found::Whole(bytes) if index == 0 => check_header(name, bytes)?,
            Found::Whole(bytes) => {
                let record = record(bytes)?;
                if journal.last.is_some_and(|last| last.token >= record.token) {
                    return Err(StoreError::Corrupt("its tokens do not grow"));
                }
                journal.last = Some(record);
                journal.next = index.saturating_add(1);
            }
        }
    }
    Ok(journal)
}

enum Found<'a> {
    Blank,
    /// Neither copy is whole: torn, if it is the last.
    Broken,
    Whole(&'a [u8]),
}

fn whole<'a>(index: usize, a: &'a [u8], b: &'a [u8]) -> Result<Found<'a>, StoreError> {
    if [a, b] == [&BLANK; 2] {
        return Ok(Found::Blank);
    }
    match (is_sealed(index, a), is_sealed(index, b)) {
        (true, true) if a != b => Err(StoreError::Corrupt("its halves differ")),
        (true, _) => Ok(Found::Whole(a)),
        (_, true) => Ok(Found::Whole(b)),
        _ => Ok(Found::Broken),
    }
}

/// A file without our mark anywhere is somebody else's; with it, it was ours.
fn damaged(bytes: &[u8], what: &'static str) -> StoreError {
    let is_marked = |at: usize| bytes.get(at..).is_some_and(|rest| rest.starts_with(MAGIC));
    let is_ours = is_marked(4) || is_marked(HALF.saturating_add(4)) || bytes.is_empty();
    if is_ours {
        StoreError::Corrupt(what)
    } else {
        StoreError::Foreign
    }
}

fn check_header(name: &str, slot: &[u8]) -> Result<(), StoreError> {
    let length = usize::from(byte(slot, 12));
    let is_named = slot.get(13..).and_then(|rest| rest.get(..length)) == Some(name.as_bytes());
    let is_ours = slot.get(4..12) == Some(MAGIC) && is_named;
    if is_ours {
        Ok(())
    } else {
        Err(StoreError::Foreign)
    }
}

fn record(slot: &[u8]) -> Result<TokenRecord, StoreError> {
    let token = FencingToken::from_number(u64::from_le_bytes(take(slot, 4)))
        .ok_or(StoreError::Corrupt("a token is zero"))?;
    let owner = (byte(slot, 32) == 1).then(|| Owner {
        node: NodeId(u32::from_le_bytes(take(slot, 28))),
        incarnation: Incarnation(u128::from_le_bytes(take(slot, 12))),
    });
    Ok(TokenRecord { token, owner })
}

fn sealed(index: usize, mut slot: Slot) -> Slot {
    let sum = checksum(index, &slot);
    put(&mut slot, 0, &sum.to_le_bytes());
    slot
}

fn is_sealed(index: usize, slot: &[u8]) -> bool {
    u32::from_le_bytes(take(slot, 0)) == checksum(index, slot)
}

fn checksum(index: usize, slot: &[u8]) -> u32 {
    let index = u8::try_from(index).unwrap_or(u8::MAX);
    crc32([index].into_iter().chain(slot.iter().skip(4).copied()))
}

/// Whoever calls it leaves room: what does not fit would be cut.
fn put(slot: &mut Slot, at: usize, bytes: &[u8]) {
    for (to, from) in slot.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

/// What is not there is zero.
fn take<const N: usize>(slot: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(slot.iter().skip(at)) {
        *to = *from;
    }
    bytes
}

fn byte(slot: &[u8], at: usize) -> u8 {
    let [byte] = take(slot, at);
    byte
}

#[cfg(test)]
mod tests;
