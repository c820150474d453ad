//! The list that is carried.

use std::fmt;
use std::str::{self, FromStr};
use std::sync::Arc;

use crate::context::trace::parent::trim;
use crate::error::ConfigError;

use super::members::{Member, Members};

/// How many bytes are looked at before a list is taken for a flood of commas. The longest list there
/// can be has 16,447.
const READ_MAX: usize = 32 * 1024;

/// A valid `tracestate`: at most 32 members, in canonical form. Clones share it; an empty one
/// allocates nothing.
///
/// The member to the left is that of the system which wrote last.
///
/// ```
/// use mainstay::trace::TraceState;
///
/// let mut state: TraceState = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7".parse()?;
/// state.insert("rojo", "2")?;
/// assert_eq!(state.as_str(), "rojo=2,congo=t61rcWkgMzE");
/// assert_eq!(state.get("congo"), Some("t61rcWkgMzE"));
/// # Ok::<(), mainstay::ConfigError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct TraceState {
    /// ASCII. Bytes, for those can be filled in place, and so in one allocation.
    list: Option<Arc<[u8]>>,
}

impl TraceState {
    /// The least limit in bytes to which a received list may be cut.
    pub(crate) const LIMIT_MIN: usize = 512;
    /// The limit in bytes to which a received list is cut unless another is asked for.
    pub(crate) const LIMIT: usize = 8192;

    /// Reads the value of a field. `None` when a member is malformed, there are more than 32, or the
    /// value has 32 KiB or more; empty members are skipped, and of several with one key the first is
    /// kept.
    pub fn parse(value: &[u8]) -> Option<Self> {
        Self::read([value].into_iter(), usize::MAX)
    }

    /// Reads the values of several fields as one list, cut to `limit` bytes but never to fewer than
    /// 512; `None` when it is not a valid list or nothing is left of it.
    pub(crate) fn read<'a>(values: impl Iterator<Item = &'a [u8]>, limit: usize) -> Option<Self> {
        let mut members = Members::default();
        let mut left = READ_MAX;
        for value in values {
            // The comma that joins it to the next is counted with it.
            left = left.checked_sub(value.len().saturating_add(1))?;
            let texts = value.split(|byte| *byte == b',').map(trim);
            for text in texts.filter(|text| !text.is_empty()) {
                members.push(Member::parse(text)?)?;
            }
        }
        let is_empty = members.is_empty();
        members.cut(limit.max(Self::LIMIT_MIN));
        let list = members.join();
        (is_empty || list.is_some()).then_some(Self { list })
    }

    /// Whether there is no member.
    pub const fn is_empty(&self) -> bool {
        self.list.is_none()
    }

    /// The list as it is sent; empty when there is no member.
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.list.as_deref().unwrap_or_default()
    }

    /// The value of a member.
    pub fn get(&self, key: &str) -> Option<&str> {
        let mut members = self.iter();
        members.find_map(|(name, value)| (name == key).then_some(value))
    }

    /// Each key with its value, from the left, that is from the latest.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let members = self.as_str().split(',');
        members.filter_map(|member| member.split_once('='))
    }

    /// Puts a member to the left of all others, in the place of one with the same key. The right-most
    /// is dropped when there would be 33.
    ///
    /// The standard leaves the members of other systems to them: insert your own key only.
    ///
    /// # Errors
    /// When the key is not one of level 2 (1 to 256 of `a-z`, `0-9`, `_-*/@`, and the first a letter or
    /// digit), or the value is not 1 to 256 visible ASCII characters or spaces without `,` and `=`, the
    /// last not a space. The state is then as it was.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        let mut members = Members::default();
        members.push(Member::new(key, value)?);
        let old = self.as_bytes().split(|byte| *byte == b',');
        let old = old.filter_map(Member::parse);
        for member in old.filter(|old| !old.has_key(key)) {
            if members.push(member).is_none() {
                break;
            }
        }
        self.list = members.join();
        Ok(())
    }
}

/// The list as it is sent.
impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl FromStr for TraceState {
    type Err = ConfigError;

    fn from_str(list: &str) -> Result<Self, ConfigError> {
        let allowed = "at most 32 members `key=value`, separated by commas";
        Self::parse(list.as_bytes()).ok_or_else(|| ConfigError::new("tracestate", list, allowed))
    }
}
