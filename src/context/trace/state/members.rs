//! The members of a list while it is made: parsed, counted, cut, joined.

use std::mem;
use std::sync::Arc;

use crate::error::ConfigError;

const MEMBERS_MAX: usize = 32;
const PART_MAX: usize = 256;
/// A member longer than this is the first to go when a list is too long.
const LONG: usize = 128;

/// A valid member.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    key: &'a [u8],
    value: &'a [u8],
}

impl<'a> Member<'a> {
    /// Reads `key=value`, without white space around it.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let mut parts = text.splitn(2, |byte| *byte == b'=');
        let (key, value) = (parts.next()?, parts.next()?);
        (is_key(key) && is_value(value)).then_some(Self { key, value })
    }

    pub(super) fn new(key: &'a str, value: &'a str) -> Result<Self, ConfigError> {
        if !is_key(key.as_bytes()) {
            let allowed = "1 to 256 of a-z, 0-9, _, -, *, / and @, the first a letter or a digit";
            return Err(ConfigError::new("key", key, allowed));
        }
        if !is_value(value.as_bytes()) {
            let allowed = "1 to 256 visible ASCII characters or spaces, no comma, no equals sign, \
                           no space at the end";
            return Err(ConfigError::new("value", value, allowed));
        }
        let (key, value) = (key.as_bytes(), value.as_bytes());
        Ok(Self { key, value })
    }

    pub(super) fn has_key(&self, key: &str) -> bool {
        self.key == key.as_bytes()
    }

    const fn len(&self) -> usize {
        self.key
            .len()
            .saturating_add(1)
            .saturating_add(self.value.len())
    }
}

const fn is_lower_or_digit(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9')
}

fn is_key(key: &[u8]) -> bool {
    let [first, rest @ ..] = key else {
        return false;
    };
    let may_follow =
        |byte: &u8| is_lower_or_digit(*byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    key.len() <= PART_MAX && is_lower_or_digit(*first) && rest.iter().all(may_follow)
}

fn is_value(value: &[u8]) -> bool {
    let is_allowed = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    value.len() <= PART_MAX
        && value.last().is_some_and(|last| *last != b' ')
        && value.iter().all(is_allowed)
}

/// Up to 32 members, in order.
#[derive(Default)]
pub(super) struct Members<'a> {
    /// Empty where a member was a duplicate or was cut.
    slots: [Option<Member<'a>>; MEMBERS_MAX],
    received: usize,
}

impl<'a> Members<'a> {
    /// Takes a member in, unless its key is there already; `None` when there are 32 before it.
    pub(super) fn push(&mut self, member: Member<'a>) -> Option<()> {
        let is_known = self.iter().any(|known| known.key == member.key);
        let slot = self.slots.get_mut(self.received)?;
        self.received = self.received.saturating_add(1);
        if !is_known {
            *slot = Some(member);
        }
        Some(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.received == 0
    }

    /// Drops whole members until the list has at most `limit` bytes: first those of more than 128
    /// bytes, then any, each time from the right.
    pub(super) fn cut(&mut self, limit: usize) {
        let mut length = self.length();
        for least in [LONG.saturating_add(1), 0] {
            for slot in self.slots.iter_mut().rev() {
                if length <= limit {
                    return;
                }
                if let Some(member) = slot.take_if(|member| member.len() >= least) {
                    length = length.saturating_sub(member.len().saturating_add(1));
                }
            }
        }
    }

    /// The members, joined by commas in one allocation; `None` when there are none.
    pub(super) fn join(&self) -> Option<Arc<[u8]>> {
        let length = self.length();
        if length == 0 {
            return None;
        }
        // An iterator of known length is collected in one allocation, and the commas are then there.
        let mut list: Arc<[u8]> = (0..length).map(|_| b',').collect();
        let mut free = Arc::get_mut(&mut list)?;
        for member in self.iter() {
            for part in [member.key, b"=", member.value] {
                let (place, rest) = mem::take(&mut free).split_at_mut_checked(part.len())?;
                place.copy_from_slice(part);
                free = rest;
            }
            free = mem::take(&mut free).get_mut(1..).unwrap_or_default();
        }
        Some(list)
    }

    fn iter(&self) -> impl Iterator<Item = &Member<'a>> {
        self.slots.iter().flatten()
    }

    fn length(&self) -> usize {
        let members = self.iter().map(|member| member.len().saturating_add(1));
        members
            .fold(0_usize, usize::saturating_add)
            .saturating_sub(1)
    }
}
