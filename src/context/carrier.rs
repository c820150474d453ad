//! The fields in which context travels from hop to hop.

use std::fmt;

use crate::error::ConfigError;

/// A message with named fields: the headers of an HTTP request, of a queue's message, metadata.
///
/// Layers read what a peer sent, and write what the next hop is to see, through this trait, so they
/// work for any protocol. With the `http` feature `http::Request` and `http::HeaderMap` are carriers,
/// and so gRPC's requests are.
///
/// ```
/// use mainstay::context::{Carrier, Field};
///
/// struct Message {
///     headers: Vec<(String, Vec<u8>)>,
/// }
///
/// impl Carrier for Message {
///     fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
///         let named = move |(name, _): &&(String, Vec<u8>)| name.eq_ignore_ascii_case(field.name());
///         self.headers.iter().filter(named).map(|(_, value)| value.as_slice())
///     }
///
///     fn set(&mut self, field: Field, value: &[u8]) {
///         self.remove(field);
///         self.headers.push((field.name().to_owned(), value.to_owned()));
///     }
///
///     fn remove(&mut self, field: Field) {
///         self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(field.name()));
///     }
/// }
///
/// let mut message = Message { headers: Vec::new() };
/// let field = Field::new("traceparent")?;
/// message.set(field, b"00");
/// message.set(field, b"01");
/// assert!(message.get_all(field).eq([b"01"]));
/// # Ok::<(), mainstay::ConfigError>(())
/// ```
pub trait Carrier {
    /// The value of each field of this name, in the order in which they came; names are compared
    /// without regard to case.
    fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]>;

    /// Replaces whatever fields of this name there are by one. Layers set visible ASCII and spaces
    /// only. A carrier that cannot hold the value, or any more fields, leaves none of this name.
    fn set(&mut self, field: Field, value: &[u8]);

    /// Removes every field of this name.
    fn remove(&mut self, field: Field);

    /// Keeps a value with the message for the code between here and the next hop, in the place of one
    /// of the same type. A carrier without room for such, as by default, keeps nothing.
    fn attach<T: Clone + Send + Sync + 'static>(&mut self, _value: T) {}

    /// What was [attached](Self::attach) of this type.
    fn attached<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        None
    }

    /// Takes away what was [attached](Self::attach) of this type.
    fn detach<T: Clone + Send + Sync + 'static>(&mut self) {}
}

/// The name of a field: a token of RFC 9110 §5.6.2 in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field(&'static str);

impl Field {
    /// A field of this name.
    ///
    /// # Errors
    /// When it is empty, longer than 128 bytes, or holds anything but lower-case letters, digits and
    /// ``!#$%&'*+-.^_`|~``.
    pub fn new(name: &'static str) -> Result<Self, ConfigError> {
        let is_token = name.bytes().all(|byte| {
            matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"!#$%&'*+-.^_`|~".contains(&byte)
        });
        if !is_token || name.is_empty() || name.len() > 128 {
            return Err(ConfigError::new(
                "field",
                name,
                "a lower-case token of 1 to 128 bytes",
            ));
        }
        Ok(Self(name))
    }

    /// For the names that this crate knows.
    pub(crate) const fn known(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_lower_case_token() {
        for name in [
            "a",
            "x-request-timeout-ms",
            "grpc-timeout",
            "!#$%&'*+-.^_`|~09",
        ] {
            assert_eq!(Field::new(name).unwrap().name(), name);
        }
        let longest: &'static str = "a".repeat(128).leak();
        assert!(Field::new(longest).is_ok());
        let longer: &'static str = "a".repeat(129).leak();
        for name in ["", "A", "a b", "a:", ":a", "é", "a\n", "a\0", "(a)", longer] {
            assert!(Field::new(name).is_err(), "{name:?}");
        }
    }
}
