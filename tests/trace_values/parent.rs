//! How a `traceparent` is read: P1 to P10.

use mainstay::trace::TraceContext;
use proptest::prelude::*;

use crate::kit::{Message, PARENT, SPAN, TRACE};

#[test]
fn a_valid_parent_is_continued() {
    let all_random = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02";
    let ends = [
        ("P3", "none", String::new(), String::new()),
        ("P3", "spaces", "  ".into(), "   ".into()),
        ("P3", "tabs", "\t\t".into(), "\t".into()),
        ("P3", "both", " \t ".into(), "\t \t".into()),
    ];
    for (rule, what, before, after) in ends {
        let context = Message::parent(format!("{before}{PARENT}{after}")).context();
        let context = context.unwrap_or_else(|| panic!("{rule}: {what}"));
        assert_eq!(context.to_string(), PARENT, "{rule}: {what}");
    }
    let valid = [
        ("P4", PARENT.to_owned(), "01"),
        ("P4", all_random.to_owned(), "02"),
        ("P4", format!("00-{TRACE}-{SPAN}-00"), "00"),
        ("P4", format!("00-{TRACE}-{SPAN}-03"), "03"),
        ("E3", format!("00-{TRACE}-{SPAN}-ff"), "03"),
        ("E3", format!("00-{TRACE}-{SPAN}-fc"), "00"),
        ("E3", format!("00-{TRACE}-{SPAN}-08"), "00"),
        ("P7", format!("01-{TRACE}-{SPAN}-01"), "01"),
        ("P7", format!("cc-{TRACE}-{SPAN}-01"), "01"),
        ("P7", format!("fe-{TRACE}-{SPAN}-02"), "02"),
        ("P7", format!("cc-{TRACE}-{SPAN}-01-"), "01"),
        (
            "P7",
            format!("cc-{TRACE}-{SPAN}-01-what-the-future-\u{e9}"),
            "01",
        ),
        (
            "P7",
            format!("cc-{TRACE}-{SPAN}-ff-{}", "x".repeat(9000)),
            "03",
        ),
        ("P8", format!("00-{:032x}-{SPAN}-00", 1), "00"),
        ("P8", format!("00-{TRACE}-{:016x}-00", 1), "00"),
        ("P8", format!("00-8{:031x}-8{:015x}-00", 0, 0), "00"),
    ];
    for (rule, value, flags) in valid {
        let context = Message::parent(&value).context();
        let context = context.unwrap_or_else(|| panic!("{rule}: {value}"));
        let expected = format!("00-{}-{flags}", &value[3..52]);
        assert_eq!(context.to_string(), expected, "{rule}: {value}");
        assert_eq!(value.parse(), Ok(context), "{rule}: {value}");
    }
}

/// `T` is a trace id and `S` a parent id; with `-` the first digit is gone, with `^` the digits are upper
/// case, and with `0` all of them are zero.
fn filled(pattern: &str) -> String {
    let (upper_trace, upper_span) = (TRACE.to_uppercase(), SPAN.to_uppercase());
    let (no_trace, no_span) = ("0".repeat(32), "0".repeat(16));
    let parts: [(&str, &str); 8] = [
        ("{T}", TRACE),
        ("{T-}", &TRACE[1..]),
        ("{T^}", &upper_trace),
        ("{T0}", &no_trace),
        ("{S}", SPAN),
        ("{S-}", &SPAN[1..]),
        ("{S^}", &upper_span),
        ("{S0}", &no_span),
    ];
    let filled = parts.iter();
    filled.fold(pattern.to_owned(), |text, (name, part)| {
        text.replace(name, part)
    })
}

const INVALID: &[(&str, &str)] = &[
    ("P3 only white space", " \t "),
    ("P3 white space is not Unicode's", "\u{a0}00-{T}-{S}-01"),
    ("P3 white space is not a line's end", "00-{T}-{S}-01\r\n"),
    ("P3 white space is not a form feed", "\x0c00-{T}-{S}-01"),
    ("P3 none within", "00 -{T}-{S}-1"),
    ("P4 empty", ""),
    ("P4 upper case in the trace id", "00-{T^}-{S}-01"),
    ("P4 upper case in the parent id", "00-{T}-{S^}-01"),
    ("P4 upper case in the flags", "00-{T}-{S}-0A"),
    ("P4 upper case in the version", "0A-{T}-{S}-01"),
    ("P4 31 digits of the trace id", "00-{T-}-{S}-01"),
    ("P4 31 digits, and 17 of the parent id", "00-{T-}-0{S}-01"),
    ("P4 33 digits of the trace id", "00-0{T}-{S}-01"),
    ("P4 33 digits, and 15 of the parent id", "00-0{T}-{S-}-01"),
    ("P4 15 digits of the parent id", "00-{T}-{S-}-01"),
    ("P4 17 digits of the parent id", "00-{T}-0{S}-01"),
    ("P4 a dot in the trace id", "00-.{T-}-{S}-01"),
    ("P4 a dot in the parent id", "00-{T}-{S-}.-01"),
    ("P4 a dash in the trace id", "00--{T-}-{S}-01"),
    ("P4 a sign in the trace id", "00-+{T-}-{S}-01"),
    ("P4 a sign in the parent id", "00-{T}-+{S-}-01"),
    ("P4 a sign in the version", "+0-{T}-{S}-01"),
    ("P4 a letter past f", "00-g{T-}-{S}-01"),
    ("P4 a backtick, before a", "00-`{T-}-{S}-01"),
    ("P4 a colon, past 9", "00-:{T-}-{S}-01"),
    ("P4 a slash, before 0", "00-/{T-}-{S}-01"),
    ("P4 no first dash", "00_{T}-{S}-01"),
    ("P4 no second dash", "00-{T}_{S}-01"),
    ("P4 no third dash", "00-{T}-{S}_01"),
    ("P4 short", "0-1-1-1"),
    ("P5 version ff", "ff-{T}-{S}-01"),
    ("P5 version ff and more", "ff-{T}-{S}-01-x"),
    ("P5 a version of one digit", "0-{T}-{S}-01"),
    ("P5 a version of three digits", "000-{T}-{S}-01"),
    ("P5 a version that is no number", "zz-{T}-{S}-01"),
    ("P5 no version", "-{T}-{S}-01"),
    ("P6 a dot behind", "00-{T}-{S}-01."),
    ("P6 a dash behind", "00-{T}-{S}-01-"),
    ("P6 more behind", "00-{T}-{S}-01-x"),
    ("P6 54 bytes", "00-{T}-{S}-0"),
    ("P7 a later version with a dot behind", "cc-{T}-{S}-01.what"),
    ("P7 a later version with a digit behind", "cc-{T}-{S}-010"),
    ("P7 54 bytes of a later version", "cc-{T}-{S}-0"),
    ("P7 a later version, upper case", "cc-{T^}-{S}-01"),
    ("P7 a later version, no flags", "cc-{T}-{S}-zz-x"),
    ("P7 a later version, a zero trace id", "cc-{T0}-{S}-01"),
    ("P8 a trace id of zeros", "00-{T0}-{S}-01"),
    ("P8 a parent id of zeros", "00-{T}-{S0}-01"),
    ("P9 flags of one digit", "00-{T}-{S}-1"),
    ("P9 flags of three digits", "00-{T}-{S}-001"),
    ("P9 flags that are no number", "00-{T}-{S}-0x"),
    ("P9 a dot in the flags", "00-{T}-{S}-.0"),
    ("P9 no flags", "00-{T}-{S}-"),
    ("P9 no flags and no dash", "00-{T}-{S}"),
];

#[test]
fn an_invalid_parent_is_ignored() {
    assert!(Message::parent(filled("00-{T}-{S}-01")).context().is_some());
    for (rule, pattern) in INVALID {
        let value = filled(pattern);
        let message = Message::parent(&value).with("tracestate", "a=1");
        assert_eq!(message.context(), None, "{rule}: {value:?}");
        assert!(value.parse::<TraceContext>().is_err(), "{rule}: {value:?}");
    }
}

#[test]
fn p1_names_are_compared_without_case_and_no_other_name_is_read() {
    let mut headers = http::HeaderMap::new();
    headers.insert("trace-parent", PARENT.parse().unwrap());
    headers.insert("trace_parent", PARENT.parse().unwrap());
    assert_eq!(TraceContext::extract(&headers), None);
    let name = http::HeaderName::from_bytes(b"TraceParent").unwrap();
    headers.insert(name, PARENT.parse().unwrap());
    let context = TraceContext::extract(&headers).unwrap();
    assert_eq!(context.to_string(), PARENT);
}

#[test]
fn p2_there_is_exactly_one() {
    assert_eq!(Message::default().context(), None);
    let twice = Message::parent(PARENT).with("traceparent", PARENT);
    assert_eq!(twice.context(), None, "identical");
    let first = Message::parent("").with("traceparent", PARENT);
    assert_eq!(first.context(), None, "an empty one counts");
    let joined = Message::parent(format!("{PARENT},{PARENT}"));
    assert_eq!(joined.context(), None, "joined on the way");
}

#[test]
fn p10_no_byte_at_any_place_panics_or_is_taken_for_another() {
    let digits = b"0123456789abcdef";
    for at in 0..PARENT.len() {
        for byte in 0..=u8::MAX {
            let mut value = PARENT.as_bytes().to_vec();
            value[at] = byte;
            let expected = match at {
                2 | 35 | 52 => byte == b'-',
                // At both ends white space leaves too few.
                _ => digits.contains(&byte),
            };
            // Version 0f and f0 are later ones, and of the right length.
            let context = Message::parent(&value).context();
            assert_eq!(context.is_some(), expected, "{byte:#x} at {at}");
        }
    }
}

#[test]
fn p3_only_spaces_and_tabs_are_taken_away_at_both_ends() {
    for byte in 0..=u8::MAX {
        let is_white = [b' ', b'\t'].contains(&byte);
        for value in [
            [&[byte], PARENT.as_bytes()].concat(),
            [PARENT.as_bytes(), &[byte]].concat(),
        ] {
            let context = Message::parent(&value).context();
            assert_eq!(context.is_some(), is_white, "{}", value.escape_ascii());
        }
    }
}

#[test]
fn p10_a_parent_cut_anywhere_is_ignored() {
    for version in ["00", "cc"] {
        let value = format!("{version}{}", &PARENT[2..]);
        for end in 0..value.len() {
            assert_eq!(Message::parent(&value[..end]).context(), None, "{end}");
            assert_eq!(Message::parent(&value[end + 1..]).context(), None, "{end}");
        }
    }
}

proptest! {
    #[test]
    fn no_input_panics_and_what_is_read_is_read_again(
        mut value in proptest::collection::vec(any::<u8>(), 0..80),
        keeps in 0..=55_usize,
    ) {
        // Mostly valid, so that the later checks are reached.
        for (at, byte) in PARENT.bytes().enumerate().take(keeps) {
            match value.get_mut(at) {
                Some(place) => *place = byte,
                None => value.push(byte),
            }
        }
        if let Some(context) = Message::parent(&value).context() {
            let again = context.to_string();
            prop_assert_eq!(Message::parent(&again).context(), Some(context));
        }
    }
}
