//! Baggage: what is read, kept, changed and written.

use mainstay::context::Carrier;
use mainstay::trace::Baggage;
use proptest::prelude::*;

use crate::kit::Message;

fn list(value: impl AsRef<[u8]>) -> String {
    Baggage::parse(value.as_ref()).to_string()
}

fn members(count: usize, length: usize) -> Vec<String> {
    let member = |at| format!("k{at:03}={}", "v".repeat(length - 5));
    (0..count).map(member).collect()
}

#[test]
fn a_valid_member_is_kept_without_the_white_space_around_its_parts() {
    let valid = [
        ("", ""),
        ("a=1", "a=1"),
        ("a=", "a="),
        ("A!#$%&'*+-.^_`|~9=1", "A!#$%&'*+-.^_`|~9=1"),
        ("a=1=2==", "a=1=2=="),
        ("a==", "a=="),
        (
            "a=!#$%&'()*+-./:<=>?@[]^_`{|}~",
            "a=!#$%&'()*+-./:<=>?@[]^_`{|}~",
        ),
        (" \ta \t=\t 1 \t,  b = 2 ", "a=1,b=2"),
        ("a=1;p;q=2;r==3;s=", "a=1;p;q=2;r==3;s="),
        ("a = 1 ; p ;\tq = 2 , b=2", "a=1;p;q=2,b=2"),
        ("a=1,,b=2, ,", "a=1,b=2"),
        ("a=1,a=2", "a=1,a=2"),
        ("a=%zz%", "a=%zz%"),
    ];
    for (value, expected) in valid {
        assert_eq!(list(value), expected, "{value:?}");
        assert_eq!(
            Baggage::parse(value.as_bytes()).is_empty(),
            expected.is_empty()
        );
    }
}

#[test]
fn a_malformed_member_is_left_out_and_the_others_stay() {
    let malformed: [&[u8]; 24] = [
        b"m",
        b"=1",
        b" =1",
        b"m n=1",
        b"m=1 2",
        b"m=1\t2",
        b"m=\"1\"",
        b"m=1\\",
        b"m=1=\"2\"",
        b"m=1= 2",
        b"m/n=1",
        b"m@n=1",
        b"\xc3\xa9=1",
        b"m=\xc3\xa9",
        b"m=\xff",
        b"m=1\0",
        b"m=\x7f",
        b"m=1\r\n",
        b"m=1;",
        b"m=1;;p",
        b"m=1;=p",
        b"m=1;p q",
        b"m=1;p=\"q\"",
        b";p=1",
    ];
    for member in malformed {
        let value = [b"a=1,".as_slice(), member, b", b=2"].concat();
        assert_eq!(list(&value), "a=1,b=2", "{}", member.escape_ascii());
        assert!(
            Baggage::parse(member).is_empty(),
            "{}",
            member.escape_ascii()
        );
    }
}

#[test]
fn several_fields_are_one_list_and_one_field_is_written() {
    let mut message = Message::default()
        .with("baggage", "a=1;p")
        .with("baggage", "bad")
        .with("baggage", " b = 2,c=3")
        .with("other", "d=4");
    let baggage = Baggage::extract(&message);
    assert_eq!(baggage.as_str(), "a=1;p,b=2,c=3");
    baggage.inject(&mut message);
    assert_eq!(message.values("baggage"), ["a=1;p,b=2,c=3"]);
    Baggage::default().inject(&mut message);
    assert!(message.values("baggage").is_empty());
    assert_eq!(message.values("other"), ["d=4"]);
    assert!(Baggage::extract(&Message::default()).is_empty());
}

#[test]
fn members_show_their_parts_decoded() {
    let baggage = Baggage::parse(b"a=1,node=DF%2028;p=%20;q,sum=1+1=2,a=3,x=%e2%82%ac%E2%82%AC");
    let parts = baggage.iter().map(|member| {
        (
            member.key(),
            member.value().into_owned(),
            member.properties(),
        )
    });
    let expected = [
        ("a", "1", ""),
        ("node", "DF 28", "p=%20;q"),
        ("sum", "1+1=2", ""),
        ("a", "3", ""),
        ("x", "\u{20ac}\u{20ac}", ""),
    ];
    assert!(parts.eq(expected.map(|(key, value, rest)| (key, value.to_owned(), rest))));
    assert_eq!(baggage.get("a").as_deref(), Some("1"));
    assert_eq!(baggage.get("A"), None);
    assert_eq!(baggage.get(""), None);
}

#[test]
fn what_is_no_encoding_is_left_and_what_is_no_utf_8_is_replaced() {
    let values = [
        ("%", "%"),
        ("%2", "%2"),
        ("%zz", "%zz"),
        ("%+1", "%+1"),
        ("%%41", "%A"),
        ("%2541", "%41"),
        ("%ff", "\u{fffd}"),
        ("%c3", "\u{fffd}"),
        ("%c3%a9", "\u{e9}"),
        ("%00", "\0"),
        ("+", "+"),
    ];
    for (value, expected) in values {
        let baggage = Baggage::parse(format!("a={value}").as_bytes());
        assert_eq!(baggage.get("a").as_deref(), Some(expected), "{value}");
    }
}

#[test]
fn beyond_64_members_the_right_most_are_dropped() {
    for (count, kept) in [(0, 0), (1, 1), (63, 63), (64, 64), (65, 64), (1000, 64)] {
        let members = members(count, 8);
        assert_eq!(
            list(members.join(",")),
            members[..kept].join(","),
            "{count}"
        );
        assert_eq!(
            list(members.join(",bad, ,")),
            members[..kept].join(","),
            "{count}"
        );
    }
}

#[test]
fn beyond_8192_bytes_whole_members_are_dropped_from_the_right() {
    let alone = |length: usize| format!("a={}", "v".repeat(length - 2));
    assert_eq!(list(alone(8192)), alone(8192));
    assert_eq!(list(alone(8193)), "");
    let several = members(8, 1023);
    assert_eq!(list(several.join(",")), several.join(","), "8191 bytes");
    let over = format!("{},b=", several[..7].join(","));
    let filled = |length: usize| format!("{over}{}", "v".repeat(length - over.len()));
    assert_eq!(list(filled(8192)), filled(8192));
    assert_eq!(list(filled(8193)), several[..7].join(","));
    // What stands behind the one that does not fit goes as well, small as it is.
    assert_eq!(
        list(format!("{},c=1", filled(8193))),
        several[..7].join(",")
    );
    // White space does not count.
    assert_eq!(list(format!("a={}1", " ".repeat(9000))), "a=1");
}

#[test]
fn past_32_kib_nothing_more_is_read() {
    let flood = |commas: usize| list(format!("{}a=1", ",".repeat(commas)));
    assert_eq!(flood(32 * 1024 - 4), "a=1");
    assert_eq!(flood(32 * 1024 - 3), "");
    let mut message = Message::default().with("baggage", "a=1");
    for _ in 0..40_000 {
        message = message.with("baggage", "");
    }
    let baggage = Baggage::extract(&message.with("baggage", "b=2"));
    assert_eq!(baggage.as_str(), "a=1");
}

#[test]
fn an_inserted_member_takes_the_place_of_its_like() {
    let mut baggage = Baggage::parse(b"a=1,b=2;p,a=3,c=4");
    let before = baggage.clone();
    baggage.insert("b", "\u{e9} %,;\"\\=").unwrap();
    assert_eq!(baggage.as_str(), "a=1,b=%C3%A9%20%25%2C%3B%22%5C=,a=3,c=4");
    assert_eq!(baggage.get("b").as_deref(), Some("\u{e9} %,;\"\\="));
    baggage.insert("a", "").unwrap();
    assert_eq!(baggage.as_str(), "a=,b=%C3%A9%20%25%2C%3B%22%5C=,c=4");
    baggage.insert("d", "5").unwrap();
    baggage.remove("b");
    assert_eq!(baggage.as_str(), "a=,c=4,d=5");
    assert_eq!(before.as_str(), "a=1,b=2;p,a=3,c=4", "clones keep theirs");
    for key in ["a", "c", "d", "x"] {
        baggage.remove(key);
    }
    assert_eq!(baggage, Baggage::default());
}

#[test]
fn what_does_not_fit_is_not_inserted() {
    let mut baggage = Baggage::default();
    for key in ["", "a b", "a=", "a,", "a;", "\u{e9}", "a\n", "\"a\""] {
        assert_eq!(
            baggage.insert(key, "1").unwrap_err().field(),
            "key",
            "{key:?}"
        );
    }
    baggage.insert("k", &"v".repeat(8190)).unwrap();
    assert!(baggage.insert("k", &"v".repeat(8191)).is_err());
    assert!(
        baggage.insert("k", &" ".repeat(8190)).is_err(),
        "encoded it is longer"
    );
    assert!(baggage.insert("a", "").is_err());
    assert_eq!(baggage.as_str().len(), 8192);

    let mut baggage = Baggage::parse(members(64, 8).join(",").as_bytes());
    let error = baggage.insert("own", "1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "baggage is larger, but must be at most 64 members in at most 8192 bytes"
    );
    baggage.insert("k000", "1").unwrap();
    assert_eq!(baggage.iter().count(), 64);
}

#[test]
fn what_is_written_is_what_a_header_can_hold() {
    let mut headers = http::HeaderMap::new();
    let mut baggage = Baggage::default();
    let all: String = (0..=0x2ff_u32).filter_map(char::from_u32).collect();
    baggage.insert("all", &all).unwrap();
    baggage.inject(&mut headers);
    assert_eq!(Baggage::extract(&headers), baggage);
    assert_eq!(baggage.get("all").as_deref(), Some(all.as_str()));
    Carrier::remove(
        &mut headers,
        mainstay::context::Field::new("baggage").unwrap(),
    );
    assert!(headers.is_empty());
}

proptest! {
    #[test]
    fn what_is_inserted_is_read_again(
        members in proptest::collection::vec(("[a-c!A~]{1,2}", any::<String>()), 0..20),
    ) {
        let mut baggage = Baggage::default();
        let mut model: Vec<(String, String)> = Vec::new();
        for (key, value) in members {
            baggage.insert(&key, &value).unwrap();
            match model.iter_mut().find(|(known, _)| *known == key) {
                Some(known) => known.1 = value,
                None => model.push((key, value)),
            }
        }
        let pairs = baggage.iter().map(|member| (member.key().to_owned(), member.value().into_owned()));
        prop_assert!(pairs.eq(model));
        prop_assert_eq!(Baggage::parse(baggage.as_str().as_bytes()), baggage);
    }

    #[test]
    fn no_input_panics_and_what_is_read_is_canonical(
        texts in proptest::collection::vec(
            prop_oneof![
                "[ \t]{0,2}[a-z!~]{1,3}[ \t]{0,2}=[ \t]{0,2}[!-~]{0,8}(;[ \ta-z=]{0,5}){0,2}"
                    .prop_map(String::into_bytes),
                proptest::collection::vec(any::<u8>(), 0..6),
            ],
            0..90,
        ),
    ) {
        let baggage = Baggage::parse(&texts.join(&b","[..]));
        prop_assert!(baggage.iter().count() <= 64 && baggage.as_str().len() <= 8192);
        for member in baggage.iter() {
            prop_assert_eq!(baggage.get(member.key()).is_some(), true);
            prop_assert!(!member.key().is_empty());
        }
        prop_assert_eq!(Baggage::parse(baggage.as_str().as_bytes()), baggage);
    }
}
