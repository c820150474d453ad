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

#[test]
fn an_invalid_parent_is_ignored() {
    let upper = PARENT.to_uppercase();
    let invalid = [
        ("P4 empty", String::new()),
        ("P3 only white space", " \t ".into()),
        ("P3 white space is not Unicode's", format!("\u{a0}{PARENT}")),
        (
            "P3 white space is not a line's end",
            format!("{PARENT}\r\n"),
        ),
        ("P3 white space is not a form feed", format!("\x0c{PARENT}")),
        ("P3 none within", format!("00 -{TRACE}-{SPAN}-1")),
        ("P4 upper case, all", upper),
        (
            "P4 upper case in the trace id",
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
        ),
        (
            "P4 upper case in the parent id",
            format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
        ),
        (
            "P4 upper case in the flags",
            format!("00-{TRACE}-{SPAN}-0A"),
        ),
        (
            "P4 upper case in the version",
            format!("0A-{TRACE}-{SPAN}-01"),
        ),
        (
            "P4 31 digits of the trace id",
            format!("00-{}-{SPAN}-01", &TRACE[1..]),
        ),
        (
            "P4 31 digits and a longer parent id",
            format!("00-{}-0{SPAN}-01", &TRACE[1..]),
        ),
        (
            "P4 33 digits of the trace id",
            format!("00-0{TRACE}-{SPAN}-01"),
        ),
        (
            "P4 33 digits and a shorter parent id",
            format!("00-0{TRACE}-{}-01", &SPAN[1..]),
        ),
        (
            "P4 15 digits of the parent id",
            format!("00-{TRACE}-{}-01", &SPAN[1..]),
        ),
        (
            "P4 17 digits of the parent id",
            format!("00-{TRACE}-0{SPAN}-01"),
        ),
        (
            "P4 a dot in the trace id",
            format!("00-.{}-{SPAN}-01", &TRACE[1..]),
        ),
        (
            "P4 a dot in the parent id",
            format!("00-{TRACE}-{}.-01", &SPAN[1..]),
        ),
        (
            "P4 a dash in the trace id",
            format!("00--{}-{SPAN}-01", &TRACE[1..]),
        ),
        (
            "P4 a sign in the trace id",
            format!("00-+{}-{SPAN}-01", &TRACE[1..]),
        ),
        (
            "P4 a sign in the parent id",
            format!("00-{TRACE}-+{}-01", &SPAN[1..]),
        ),
        ("P4 a sign in the version", format!("+0-{TRACE}-{SPAN}-01")),
        (
            "P4 a letter past f",
            format!("00-g{}-{SPAN}-01", &TRACE[1..]),
        ),
        (
            "P4 a backtick, before a",
            format!("00-`{}-{SPAN}-01", &TRACE[1..]),
        ),
        (
            "P4 a colon, past 9",
            format!("00-:{}-{SPAN}-01", &TRACE[1..]),
        ),
        (
            "P4 a slash, before 0",
            format!("00-/{}-{SPAN}-01", &TRACE[1..]),
        ),
        ("P4 no first dash", format!("00_{TRACE}-{SPAN}-01")),
        ("P4 no second dash", format!("00-{TRACE}_{SPAN}-01")),
        ("P4 no third dash", format!("00-{TRACE}-{SPAN}_01")),
        ("P4 short", "0-1-1-1".into()),
        ("P5 version ff", format!("ff-{TRACE}-{SPAN}-01")),
        ("P5 version ff and more", format!("ff-{TRACE}-{SPAN}-01-x")),
        ("P5 a version of one digit", format!("0-{TRACE}-{SPAN}-01")),
        (
            "P5 a version of three digits",
            format!("000-{TRACE}-{SPAN}-01"),
        ),
        (
            "P5 a version that is no number",
            format!("zz-{TRACE}-{SPAN}-01"),
        ),
        ("P5 no version", format!("-{TRACE}-{SPAN}-01")),
        ("P6 a dot behind", format!("{PARENT}.")),
        ("P6 a dash behind", format!("{PARENT}-")),
        ("P6 more behind", format!("{PARENT}-x")),
        ("P6 54 bytes", PARENT[..54].into()),
        (
            "P7 a later version with a dot behind",
            format!("cc-{TRACE}-{SPAN}-01.what"),
        ),
        (
            "P7 a later version with a digit behind",
            format!("cc-{TRACE}-{SPAN}-010"),
        ),
        (
            "P7 54 bytes of a later version",
            format!("cc-{TRACE}-{SPAN}-0"),
        ),
        (
            "P7 a later version, upper case",
            format!("cc-{}-{SPAN}-01", TRACE.to_uppercase()),
        ),
        (
            "P7 a later version, no flags",
            format!("cc-{TRACE}-{SPAN}-zz-x"),
        ),
        (
            "P7 a later version, zero",
            format!("cc-{:032}-{SPAN}-01", 0),
        ),
        ("P8 a trace id of zeros", format!("00-{:032}-{SPAN}-01", 0)),
        (
            "P8 a parent id of zeros",
            format!("00-{TRACE}-{:016}-01", 0),
        ),
        ("P9 flags of one digit", format!("00-{TRACE}-{SPAN}-1")),
        ("P9 flags of three digits", format!("00-{TRACE}-{SPAN}-001")),
        (
            "P9 flags that are no number",
            format!("00-{TRACE}-{SPAN}-0x"),
        ),
        ("P9 a dot in the flags", format!("00-{TRACE}-{SPAN}-.0")),
        ("P9 no flags", format!("00-{TRACE}-{SPAN}-")),
        ("P9 no flags and no dash", format!("00-{TRACE}-{SPAN}")),
    ];
    for (rule, value) in invalid {
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
