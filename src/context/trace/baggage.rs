//! What the application itself sends along with a call, by W3C Baggage.

use std::borrow::Cow;
use std::fmt;
use std::iter;
use std::sync::Arc;

use crate::context::{Carrier, Field};
use crate::error::ConfigError;

use super::parent::trim;

const BAGGAGE: Field = Field::known("baggage");

/// What the standard asks to be carried at least, and we carry at most.
const MEMBERS_MAX: usize = 64;
const BYTES_MAX: usize = 8192;
/// How many bytes are looked at: what is malformed or empty does not count as a member, and is not to
/// be searched through for ever.
const READ_MAX: usize = 32 * 1024;

/// The members of a `baggage` field: at most 64 in at most 8192 bytes. Clones share them; empty
/// baggage allocates nothing.
///
/// Anyone who reads the message can read it, and it goes to whoever is called next: no secrets, and
/// nothing to a stranger. Nobody vouches for what came in it.
///
/// ```
/// use mainstay::trace::Baggage;
///
/// let mut baggage = Baggage::parse(b"user=alice;from=login, node=DF%2028");
/// assert_eq!(baggage.get("node").as_deref(), Some("DF 28"));
/// baggage.insert("tries", "2")?;
/// assert_eq!(baggage.as_str(), "user=alice;from=login,node=DF%2028,tries=2");
/// # Ok::<(), mainstay::ConfigError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Baggage {
    list: Option<Arc<str>>,
}

impl Baggage {
    /// Reads what a peer sent, several fields as one list.
    ///
    /// A member that is malformed is left out, and the others are kept: the standard allows it, and
    /// members know nothing of each other. From the first member on that does not fit into 64 members
    /// and 8192 bytes, or begins past 32 KiB of what was sent, all are left out.
    pub fn extract<C: Carrier>(carrier: &C) -> Self {
        Self::read(carrier.get_all(BAGGAGE))
    }

    /// Reads the value of one field, as [`extract`](Self::extract) does.
    pub fn parse(value: &[u8]) -> Self {
        Self::read(iter::once(value))
    }

    /// Writes exactly one field, or none when it is empty, in the place of whatever there is.
    pub fn inject<C: Carrier>(&self, carrier: &mut C) {
        if self.is_empty() {
            carrier.remove(BAGGAGE);
        } else {
            carrier.set(BAGGAGE, self.as_str().as_bytes());
        }
    }

    fn read<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut draft = Draft::default();
        let mut left = READ_MAX;
        for text in values.flat_map(|value| value.split(|byte| *byte == b',')) {
            let rest = left.checked_sub(text.len().saturating_add(1));
            let is_room = rest.is_some() && (!is_member(text) || draft.push(text));
            if !is_room {
                break;
            }
            left = rest.unwrap_or_default();
        }
        draft.finish()
    }

    /// Whether there is no member.
    pub const fn is_empty(&self) -> bool {
        self.list.is_none()
    }

    /// The list as it is sent; empty when there is no member.
    pub fn as_str(&self) -> &str {
        self.list.as_deref().unwrap_or_default()
    }

    /// The members, in the order in which they came. Keys may repeat.
    pub fn iter(&self) -> impl Iterator<Item = BaggageMember<'_>> {
        let members = self.as_str().split(',').filter(|text| !text.is_empty());
        members.map(|text| BaggageMember { text })
    }

    /// The value of the first member with this key, decoded.
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        let member = self.iter().find(|member| member.key() == key)?;
        Some(member.value())
    }

    /// Puts a member without properties where the first with the same key is, or behind all others;
    /// further ones with that key are removed. The value may be any text, and is encoded.
    ///
    /// # Errors
    /// When the key is not a token of RFC 9110 §5.6.2, or the list would have more than 64 members or
    /// 8192 bytes. The baggage is then as it was.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        if !is_token(key.as_bytes()) {
            let allowed = "a token of RFC 9110: letters, digits and !#$%&'*+-.^_`|~";
            return Err(ConfigError::new("key", key, allowed));
        }
        let new = format!("{key}={}", encode(value));
        let mut new = Some(new.as_str());
        let mut draft = Draft::default();
        let mut fits = true;
        for old in self.iter() {
            let text = if old.key() == key {
                new.take()
            } else {
                Some(old.text)
            };
            fits &= text.is_none_or(|text| draft.push(text.as_bytes()));
        }
        fits &= new.is_none_or(|text| draft.push(text.as_bytes()));
        if !fits {
            let allowed = "at most 64 members in at most 8192 bytes";
            return Err(ConfigError::new("baggage", "larger", allowed));
        }
        *self = draft.finish();
        Ok(())
    }

    /// Removes the members with this key.
    pub fn remove(&mut self, key: &str) {
        let mut draft = Draft::default();
        for member in self.iter().filter(|member| member.key() != key) {
            draft.push(member.text.as_bytes());
        }
        *self = draft.finish();
    }
}

/// The list as it is sent.
impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// A key with its value and its properties.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BaggageMember<'a> {
    text: &'a str,
}

impl<'a> BaggageMember<'a> {
    /// The key, as it is sent.
    pub fn key(&self) -> &'a str {
        self.pair().0
    }

    /// The value, decoded. Octets that are not UTF-8 become U+FFFD; a `%` without two hexadecimal
    /// digits stays as it is.
    pub fn value(&self) -> Cow<'a, str> {
        decode(self.pair().1)
    }

    /// The properties, as they are sent: without the first semicolon, and empty when there are none.
    pub fn properties(&self) -> &'a str {
        self.text.split_once(';').unwrap_or_default().1
    }

    fn pair(&self) -> (&'a str, &'a str) {
        let entry = self.text.split(';').next().unwrap_or_default();
        entry.split_once('=').unwrap_or_default()
    }
}

impl fmt::Debug for BaggageMember<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

/// A list while it is made.
#[derive(Default)]
struct Draft {
    list: String,
    members: usize,
}

impl Draft {
    /// Adds a valid member, without the white space in it; says whether there was room.
    fn push(&mut self, member: &[u8]) -> bool {
        let octets = member.iter().filter(|byte| !matches!(byte, b' ' | b'\t'));
        let comma = usize::from(!self.list.is_empty());
        let length = self.list.len().saturating_add(comma);
        let length = length.saturating_add(octets.clone().count());
        if self.members >= MEMBERS_MAX || length > BYTES_MAX {
            return false;
        }
        self.members = self.members.saturating_add(1);
        self.list.extend(iter::repeat_n(',', comma));
        self.list.extend(octets.copied().map(char::from));
        true
    }

    fn finish(self) -> Baggage {
        let list = (!self.list.is_empty()).then(|| self.list.into());
        Baggage { list }
    }
}

/// `key = value`, then any number of `; property`, each a key alone or with a value.
fn is_member(text: &[u8]) -> bool {
    let mut parts = text.split(|byte| *byte == b';');
    parts.next().is_some_and(is_pair) && parts.all(|part| is_pair(part) || is_token(trim(part)))
}

fn is_pair(text: &[u8]) -> bool {
    let mut parts = text.splitn(2, |byte| *byte == b'=');
    let (Some(key), Some(value)) = (parts.next(), parts.next()) else {
        return false;
    };
    is_token(trim(key)) && trim(value).iter().copied().all(is_octet)
}

fn is_token(text: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_allowed)
}

/// What may stand in a value: visible ASCII, but for what separates and quotes.
const fn is_octet(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if is_octet(byte) && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            let digits = [byte >> 4, byte & 0xf].map(|half| char::from_digit(half.into(), 16));
            encoded.push('%');
            encoded.extend(
                digits
                    .into_iter()
                    .flatten()
                    .map(|digit| digit.to_ascii_uppercase()),
            );
        }
    }
    encoded
}

fn decode(value: &str) -> Cow<'_, str> {
    if !value.contains('%') {
        return Cow::Borrowed(value);
    }
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [byte, after @ ..] = rest {
        let escaped = after.split_first_chunk().filter(|_| *byte == b'%');
        let escaped = escaped.and_then(|(digits, after)| Some((octet(*digits)?, after)));
        let (octet, after) = escaped.unwrap_or((*byte, after));
        octets.push(octet);
        rest = after;
    }
    Cow::Owned(String::from_utf8_lossy(&octets).into_owned())
}

/// The octet that two digits stand for, in either case.
fn octet(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from((high? << 4) | low?).ok()
}
