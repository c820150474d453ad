//! The text of a key.

use std::error::Error as StdError;
use std::fmt;

/// The most characters of a key.
const LEN_MAX: usize = 255;

/// Why a field holds no key. It says what is allowed, and nothing of what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyFault {
    /// There are several fields of the name.
    Lines,
    /// It is neither a string in quotes nor a key without them.
    Form,
    /// It has characters that a key has not.
    Characters,
    /// It is empty or too long.
    Length,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lines => "a key stands on one line",
            Self::Form => {
                "a key is one string of RFC 8941, or the same without quotes, \
                 commas, semicolons and backslashes"
            }
            Self::Characters => "a key is of visible ASCII characters, 0x21 to 0x7e",
            Self::Length => "a key has 1 to 255 characters",
        })
    }
}

impl StdError for KeyFault {}

/// The key that the only field of its name holds: an item of RFC 8941 §3.3 that is a string, with or
/// without its quotes. The item may have parameters (§3.1.2); none has a meaning, so they are passed
/// over. Without quotes there are none, since no one can tell them from the key.
pub(super) fn parse(value: &[u8]) -> Result<Vec<u8>, KeyFault> {
    let value = value.trim_ascii();
    let key = match value.strip_prefix(b"\"") {
        Some(quoted) => {
            let (key, rest) = unquote(quoted).ok_or(KeyFault::Form)?;
            if !are_parameters(rest) {
                return Err(KeyFault::Form);
            }
            key
        }
        None if value.iter().any(|byte| b"\",;\\".contains(byte)) => return Err(KeyFault::Form),
        None => value.to_vec(),
    };
    if key.is_empty() || key.len() > LEN_MAX {
        return Err(KeyFault::Length);
    }
    if !key.iter().all(u8::is_ascii_graphic) {
        return Err(KeyFault::Characters);
    }
    Ok(key)
}

/// A string after its opening quote (§4.2.5), and what stands after the closing one.
fn unquote(quoted: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut text = Vec::new();
    let mut rest = quoted;
    loop {
        match rest {
            [b'"', after @ ..] => return Some((text, after)),
            [b'\\', escaped @ (b'"' | b'\\'), after @ ..] => {
                text.push(*escaped);
                rest = after;
            }
            [b'\\', ..] | [] => return None,
            [byte, after @ ..] => {
                text.push(*byte);
                rest = after;
            }
        }
    }
}

/// Whether this is `*( ";" *SP key [ "=" bare-item ] )`. Numbers, tokens, booleans and bytes are told
/// by their characters only, since nobody reads them.
fn are_parameters(mut rest: &[u8]) -> bool {
    while let Some(parameter) = rest.strip_prefix(b";") {
        let spaces = parameter.iter().take_while(|byte| **byte == b' ').count();
        let (_, name) = parameter.split_at(spaces);
        if !matches!(name, [b'a'..=b'z' | b'*', ..]) {
            return false;
        }
        rest = past(
            name,
            |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'),
        );
        match rest {
            [b'=', b'"', quoted @ ..] => match unquote(quoted) {
                Some((_, after)) => rest = after,
                None => return false,
            },
            [b'=', item @ ..] => {
                rest = past(item, |byte| {
                    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/?=".contains(&byte)
                });
                if rest.len() == item.len() {
                    return false;
                }
            }
            _ => {}
        }
    }
    rest.is_empty()
}

/// What stands after the bytes that `belong`.
fn past(text: &[u8], belong: impl Fn(u8) -> bool) -> &[u8] {
    let len = text.iter().take_while(|byte| belong(**byte)).count();
    text.split_at(len).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(value: &[u8]) -> Result<String, KeyFault> {
        parse(value).map(|key| String::from_utf8(key).unwrap())
    }

    #[test]
    fn in_quotes_and_bare_it_is_one_key() {
        // Fault 29.
        let uuid = "8e03978e-40d5-43dd-bc93-6894a57f9324";
        assert_eq!(read(uuid.as_bytes()).unwrap(), uuid);
        assert_eq!(read(format!("\"{uuid}\"").as_bytes()).unwrap(), uuid);
        assert_eq!(read(b" \t\"k\" \t"), read(b"k"));
        assert_ne!(read(b"K"), read(b"k"), "case is kept");
        assert_eq!(read(br#""a\"b\\c""#).unwrap(), r#"a"b\c"#);
        assert_eq!(read(b"\"a,b;c\"").unwrap(), "a,b;c");
        assert_eq!(read(b"!#$%&'()*+-./:<=>?@[]^_`{|}~").unwrap().len(), 28);
    }

    #[test]
    fn a_length_is_that_of_the_key_itself() {
        // Fault 29.
        for len in [0, 1, 2, 254, 255, 256, 257, 60_000] {
            let key = "k".repeat(len);
            let fits = (1..=255).contains(&len);
            assert_eq!(read(key.as_bytes()).is_ok(), fits, "{len}");
            assert_eq!(read(format!("\"{key}\"").as_bytes()).is_ok(), fits);
            let escaped = format!("\"{}\"", "\\\"".repeat(len));
            assert_eq!(read(escaped.as_bytes()).is_ok(), fits, "{len} escaped");
            if !fits {
                assert_eq!(read(key.as_bytes()), Err(KeyFault::Length));
            }
        }
    }

    #[test]
    fn every_other_character_is_refused() {
        // Fault 29.
        for byte in 0..=u8::MAX {
            let fits = byte.is_ascii_graphic();
            let quoted: &[u8] = &[b'"', b'a', byte, b'a', b'"'];
            let bare: &[u8] = &[b'a', byte, b'a'];
            let is_special = b"\"\\".contains(&byte);
            assert_eq!(
                read(quoted).is_ok(),
                fits && !is_special,
                "{byte:#x} quoted"
            );
            let ends = is_special || b",;".contains(&byte);
            assert_eq!(read(bare).is_ok(), fits && !ends, "{byte:#x} bare");
        }
        assert_eq!(read("\"é\"".as_bytes()), Err(KeyFault::Characters));
        assert_eq!(read(b"a b"), Err(KeyFault::Characters));
    }

    #[test]
    fn lists_bad_quotes_and_what_stands_beside_a_key_are_refused() {
        // Fault 29.
        let cases: &[&[u8]] = &[
            b"a,b",
            b"\"a\", \"b\"",
            b"\"a\",",
            b"\"",
            b"\"a",
            b"a\"",
            b"\"a\"b",
            b"\"a\" b",
            b"\"a\\\"",
            b"\"a\\b\"",
            b"\"a\\",
            b"\"a\"\"b\"",
            b"k;a=1",
            b"a\\b",
        ];
        for case in cases {
            assert_eq!(read(case), Err(KeyFault::Form), "{}", case.escape_ascii());
        }
        for case in [&b"\"\""[..], b"", b"  "] {
            assert_eq!(read(case), Err(KeyFault::Length), "{}", case.escape_ascii());
        }
    }

    #[test]
    fn parameters_of_a_string_are_passed_over_when_they_are_some() {
        let valid = [
            ";a",
            ";a=1",
            ";a;b",
            "; a=?0",
            ";*a=-1.5",
            ";a_-.*=t/o:k",
            ";a=\"x;,y\\\"\"",
            ";a=:aGk=:",
        ];
        for parameters in valid {
            let value = format!("\"k\"{parameters}");
            assert_eq!(read(value.as_bytes()).as_deref(), Ok("k"), "{value}");
        }
        let broken = [
            ";",
            ";A",
            ";1",
            ";a=",
            ";a=\"x",
            ";a ;b",
            " ;a",
            ";a,b",
            ";a=é",
            ";a=\"\\x\"",
        ];
        for parameters in broken {
            let value = format!("\"k\"{parameters}");
            assert_eq!(read(value.as_bytes()), Err(KeyFault::Form), "{value}");
        }
    }

    #[test]
    fn what_is_said_of_a_fault_does_not_repeat_the_key() {
        let said = read(b"secret,secret").unwrap_err().to_string();
        assert!(
            !said.contains("secret") && said.contains("RFC 8941"),
            "{said}"
        );
        assert!(KeyFault::Length.to_string().contains("255"));
    }

    proptest! {
        #[test]
        fn every_key_survives_being_quoted(key in "[!-~]{1,255}") {
            let quoted = format!("\"{}\"", key.replace('\\', r"\\").replace('"', "\\\""));
            prop_assert_eq!(read(quoted.as_bytes()), Ok(key));
        }

        #[test]
        fn nothing_but_a_key_comes_of_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(key) = parse(&bytes) {
                prop_assert!((1..=255).contains(&key.len()));
                prop_assert!(key.iter().all(u8::is_ascii_graphic));
            }
        }
    }
}
