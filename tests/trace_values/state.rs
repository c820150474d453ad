//! How a `tracestate` is read and changed: S1 to S12.

use mainstay::trace::TraceState;
use proptest::prelude::*;

use crate::kit::{Message, PARENT};

/// Members of the same length in characters, key and `=` included.
fn members(count: usize, length: usize) -> Vec<String> {
    let member = |at| format!("k{at:03}={}", "v".repeat(length - 5));
    (0..count).map(member).collect()
}

#[test]
fn a_valid_list_is_kept() {
    let key = format!("k{}", "a".repeat(255));
    let value = "v".repeat(256);
    let valid = [
        ("S4", "", ""),
        ("S4", ",", ""),
        ("S4", " , \t ,", ""),
        ("S4", ",a=1,", "a=1"),
        ("S4", "a=1, ,\t,b=2", "a=1,b=2"),
        ("S6", "0=1", "0=1"),
        ("S6", "a_-*/@9=1", "a_-*/@9=1"),
        ("S6", "foo@=1", "foo@=1"),
        ("S6", "a@@b=1", "a@@b=1"),
        (
            "S6",
            "tenant@system-of-more-than-14=1",
            "tenant@system-of-more-than-14=1",
        ),
        ("S6", &format!("{key}=1"), &format!("{key}=1")),
        (
            "S7",
            "a=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~",
            "a=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~",
        ),
        ("S7", "a= 1", "a= 1"),
        ("S7", "a=  1 2", "a=  1 2"),
        ("S7", " \ta= 1 \t , b=2", "a= 1,b=2"),
        ("S7", &format!("a={value}"), &format!("a={value}")),
        ("S9", "a=1,b=2,a=3", "a=1,b=2"),
        ("S9", "a=1,a=1", "a=1"),
    ];
    for (rule, value, expected) in valid {
        assert_eq!(Message::state(value).list(), expected, "{rule}: {value:?}");
        let parsed = TraceState::parse(value.as_bytes());
        let parsed = parsed.unwrap_or_else(|| panic!("{rule}: {value:?}"));
        assert_eq!(parsed.to_string(), expected, "{rule}: {value:?}");
        assert_eq!(parsed.is_empty(), expected.is_empty(), "{rule}: {value:?}");
        assert_eq!(value.parse(), Ok(parsed), "{rule}: {value:?}");
    }
}

#[test]
fn a_malformed_member_drops_the_list_and_leaves_the_parent() {
    let key = format!("k{}", "a".repeat(256));
    let value = "v".repeat(257);
    let malformed: [(&str, &[u8]); 34] = [
        ("S8 no equals sign", b"a"),
        ("S6 an empty key", b"=1"),
        ("S6 a key of 257", &[key.as_bytes(), b"=1"].concat()),
        ("S6 upper case at first", b"A=1"),
        ("S6 upper case further on", b"aB=1"),
        ("S6 an at sign at first", b"@a=1"),
        ("S6 a dash at first", b"-a=1"),
        ("S6 an underscore at first", b"_a=1"),
        ("S6 an asterisk at first", b"*a=1"),
        ("S6 a slash at first", b"/a=1"),
        ("S6 a dot", b"a.b=1"),
        ("S6 a space within", b"a b=1"),
        ("S6 a space behind", b"a =1"),
        ("S6 a tab behind", b"a\t=1"),
        ("S6 a letter past ASCII", b"\xc3\xa9=1"),
        ("S6 a byte that is no letter", b"a\xff=1"),
        ("S6 NUL", b"a\0=1"),
        ("S7 an empty value", b"a="),
        ("S7 a value of spaces", b"a=   "),
        ("S7 a value of 257", &[b"a=", value.as_bytes()].concat()),
        (
            "S7 a value of 256 behind a space",
            &[b"a= ", &value.as_bytes()[1..]].concat(),
        ),
        ("S7 a second equals sign", b"a=1=2"),
        ("S7 two equals signs", b"a==1"),
        ("S7 a tab within", b"a=1\t2"),
        ("S7 a tab before", b"a=\t1"),
        ("S7 NUL", b"a=\0"),
        ("S7 a line's end", b"a=1\r\n"),
        ("S7 DEL", b"a=\x7f"),
        ("S7 a letter past ASCII", b"a=\xc3\xa9"),
        ("S7 a byte that is no letter", b"a=\xff"),
        ("S8 the first of two", b"a,b=2"),
        ("S8 the last of two", b"b=2,A=1"),
        ("S8 the last of several, and empty ones", b",b=2,,c=3, ,=,"),
        ("S8 a duplicate", b"a=1,a="),
    ];
    for (rule, value) in malformed {
        assert_eq!(TraceState::parse(value), None, "{rule}");
        let context = Message::state(value).context();
        let context = context.unwrap_or_else(|| panic!("S2, {rule}"));
        assert_eq!(context.to_string(), PARENT, "S2, {rule}");
        assert!(context.state().is_empty(), "{rule}");
        let second = Message::state("x=1").with("tracestate", value);
        assert_eq!(second.list(), "", "S8 in a second field, {rule}");
    }
}

#[test]
fn s1_no_state_is_read_without_a_valid_parent() {
    let alone = Message::default().with("tracestate", "a=1");
    assert_eq!(alone.context(), None);
    let invalid = Message::parent("00").with("tracestate", "a=1");
    assert_eq!(invalid.context(), None);
}

#[test]
fn s3_several_fields_are_one_list_in_their_order() {
    let message = Message::state("a=1,b=2")
        .with("tracestate", "")
        .with("tracestate", "c=3,a=4")
        .with("tracestate", " d=5 ");
    assert_eq!(message.list(), "a=1,b=2,c=3,d=5");
}

#[test]
fn s5_a_list_of_33_is_dropped_whole() {
    for (count, kept) in [(1, 1), (31, 31), (32, 32), (33, 0), (34, 0), (1000, 0)] {
        let members = members(count, 8);
        let state = TraceState::parse(members.join(",").as_bytes());
        assert_eq!(
            state.map_or(0, |state| state.iter().count()),
            kept,
            "{count}"
        );
        let mut apart = Message::parent(PARENT);
        for member in &members {
            apart = apart.with("tracestate", member);
        }
        let context = apart.context().unwrap();
        assert_eq!(
            context.state().iter().count(),
            kept,
            "{count} in fields of their own"
        );
    }
    for at in [1, 32] {
        let mut duplicates = members(32, 8);
        duplicates.insert(at, duplicates[0].clone());
        let list = duplicates.join(",");
        assert_eq!(Message::state(list).list(), "", "a duplicate is a member");
    }
}

#[test]
fn s4_empty_members_do_not_count_but_a_flood_of_commas_is_not_read() {
    let list = members(32, 8).join(", ,,\t,");
    assert_eq!(Message::state(list).list(), members(32, 8).join(","));
    let flood = |commas| Message::state(",".repeat(commas)).with("tracestate", "a=1");
    // 32 KiB: each field counts with the comma that joins it, and the second takes four.
    assert_eq!(flood(32 * 1024 - 5).list(), "a=1");
    assert_eq!(flood(32 * 1024 - 4).list(), "");
    let mut fields = Message::parent(PARENT);
    for _ in 0..=32 * 1024 {
        fields = fields.with("tracestate", "");
    }
    assert_eq!(fields.with("tracestate", "a=1").list(), "");
}

#[test]
fn s11_more_than_8192_bytes_lose_whole_members_the_long_ones_first() {
    let member = |at: usize, length: usize| {
        let value = (length - 5).min(256);
        let key = format!("k{at:03}{}", "x".repeat(length - 5 - value));
        format!("{key}={}", "v".repeat(value))
    };
    let list = |lengths: &[usize]| {
        let members = lengths.iter().enumerate();
        members
            .map(|(at, length)| member(at, *length))
            .collect::<Vec<_>>()
    };
    let fits = list(&[[511; 15].as_slice(), &[512]].concat());
    assert_eq!(fits.join(",").len(), 8192);
    assert_eq!(Message::state(fits.join(",")).list(), fits.join(","));

    let over = list(&[[511; 15].as_slice(), &[513]].concat());
    assert_eq!(Message::state(over.join(",")).list(), over[..15].join(","));

    // What is cut is the right-most of the long ones, and no more of them than must be.
    let mixed = list(&[[128].as_slice(), &[500; 16], &[128, 8]].concat());
    let expected = [&mixed[..16], &mixed[17..]].concat();
    assert_eq!(Message::state(mixed.join(",")).list(), expected.join(","));

    let longest = list(&[513; 32]);
    assert_eq!(
        Message::state(longest.join(",")).list(),
        longest[..15].join(",")
    );
    assert_eq!(
        longest.join(","),
        longest.join(",").parse::<TraceState>().unwrap().as_str()
    );
}

#[test]
fn s10_an_inserted_member_is_on_the_left_and_replaces_its_like() {
    let mut state = TraceState::default();
    state.insert("a", "1").unwrap();
    state.insert("b", " 2").unwrap();
    state.insert("c", "3").unwrap();
    assert_eq!(state.as_str(), "c=3,b= 2,a=1");
    let before = state.clone();
    state.insert("a", "4").unwrap();
    assert_eq!(state.as_str(), "a=4,c=3,b= 2");
    assert_eq!(before.as_str(), "c=3,b= 2,a=1", "clones keep theirs");
    assert_eq!(state.get("a"), Some("4"));
    assert_eq!(state.get("b"), Some(" 2"));
    assert_eq!(state.get("d"), None);
    assert_eq!(state.get(""), None);
    let pairs = [("a", "4"), ("c", "3"), ("b", " 2")];
    assert!(state.iter().eq(pairs));
}

#[test]
fn s5_a_33rd_of_our_own_drops_the_right_most() {
    let full = members(32, 8);
    for there in ["k031", "k000"] {
        let others = full.iter().filter(|member| !member.starts_with(there));
        let others = others.cloned().collect::<Vec<_>>().join(",");
        let mut state: TraceState = full.join(",").parse().unwrap();
        state.insert(there, "new").unwrap();
        assert_eq!(state.as_str(), format!("{there}=new,{others}"));
    }
    let mut state: TraceState = full.join(",").parse().unwrap();
    state.insert("own", "1").unwrap();
    assert_eq!(state.as_str(), format!("own=1,{}", full[..31].join(",")));
}

#[test]
fn what_is_not_a_member_is_not_inserted() {
    let mut state: TraceState = "a=1".parse().unwrap();
    let (key, value) = ("k".repeat(257), "v".repeat(257));
    let invalid = [
        ("", "1", "key"),
        ("A", "1", "key"),
        ("@a", "1", "key"),
        (" a", "1", "key"),
        ("a=", "1", "key"),
        ("\u{e9}", "1", "key"),
        (&key, "1", "key"),
        ("a", "", "value"),
        ("a", "1 ", "value"),
        ("a", "1,b=2", "value"),
        ("a", "1=2", "value"),
        ("a", "1\t2", "value"),
        ("a", "\u{e9}", "value"),
        ("a", &value, "value"),
    ];
    for (key, value, field) in invalid {
        let error = state.insert(key, value).unwrap_err();
        assert_eq!(error.field(), field, "{key:?}={value:?}");
        assert!(error.to_string().contains("1 to 256"), "{error}");
    }
    assert_eq!(state.as_str(), "a=1");
    state.insert(&key[..256], &value[..256]).unwrap();
}

#[test]
fn s12_the_state_of_a_later_version_is_read_the_same() {
    let message =
        Message::parent(format!("cc{}-more", &PARENT[2..])).with("tracestate", "a=1,,b=2");
    assert_eq!(message.list(), "a=1,b=2");
    let malformed = Message::parent(format!("cc{}", &PARENT[2..])).with("tracestate", "a=1,B=2");
    assert_eq!(malformed.list(), "");
}

/// A valid key and value.
fn member() -> impl Strategy<Value = (String, String)> {
    (
        "[a-z0-9][a-z0-9_*/@-]{0,12}",
        "[ -+\\--<>-~]{0,12}[!-+\\--<>-~]",
    )
}

proptest! {
    #[test]
    fn what_is_inserted_is_read_again(members in proptest::collection::vec(member(), 0..40)) {
        let mut state = TraceState::default();
        let mut model: Vec<(String, String)> = Vec::new();
        for (key, value) in members {
            state.insert(&key, &value).unwrap();
            model.retain(|(known, _)| *known != key);
            model.insert(0, (key, value));
            model.truncate(32);
        }
        prop_assert!(state.iter().eq(model.iter().map(|(k, v)| (k.as_str(), v.as_str()))));
        prop_assert_eq!(TraceState::parse(state.as_str().as_bytes()), Some(state));
    }

    #[test]
    fn no_input_panics_and_what_is_read_is_canonical(
        texts in proptest::collection::vec(
            prop_oneof![
                member().prop_map(|(key, value)| format!("{key}={value}").into_bytes()),
                proptest::collection::vec(any::<u8>(), 0..6),
                "[ \t]{0,3}".prop_map(String::into_bytes),
            ],
            0..40,
        ),
    ) {
        let list = texts.join(&b","[..]);
        if let Some(state) = TraceState::parse(&list) {
            prop_assert!(state.iter().count() <= 32);
            prop_assert_eq!(TraceState::parse(state.as_str().as_bytes()), Some(state.clone()));
            prop_assert_eq!(Message::state(&list).list(), state.as_str());
        }
    }
}
