use std::time::Duration;

use proptest::prelude::*;

use super::Format;
use crate::context::Field;

const GRPC: Format = Format::GRPC_TIMEOUT;
const LONGEST: Duration = Duration::from_secs(99_999_999 * 3600);

/// The longest time that is shorter.
fn less(time: Duration) -> Duration {
    time.saturating_sub(Duration::from_nanos(1))
}

fn grpc(value: &str) -> Option<Duration> {
    GRPC.parse(value.as_bytes())
}

fn say(format: Format, left: Duration) -> Option<String> {
    let text = format.encode(left)?;
    Some(String::from_utf8(text.as_bytes().to_vec()).unwrap())
}

/// gRPC over HTTP/2, `Timeout → "grpc-timeout" TimeoutValue TimeoutUnit`.
#[test]
fn every_unit_of_grpc_is_read() {
    let units = [
        ("1H", Duration::from_secs(3600)),
        ("1M", Duration::from_secs(60)),
        ("1S", Duration::from_secs(1)),
        ("1m", Duration::from_millis(1)),
        ("1u", Duration::from_micros(1)),
        ("1n", Duration::from_nanos(1)),
    ];
    for (value, left) in units {
        assert_eq!(grpc(value), Some(left), "{value}");
        assert_eq!(
            grpc(&value.replace('1', "99999999")),
            Some(left * 99_999_999)
        );
        assert_eq!(grpc(&value.replace('1', "00000000")), Some(Duration::ZERO));
        assert_eq!(grpc(&value.replace('1', "000000001")), None, "nine digits");
    }
    assert_eq!(grpc("0n"), Some(Duration::ZERO), "expired, not malformed");
}

#[test]
fn what_is_not_digits_and_a_unit_is_malformed() {
    let wrong = [
        "",
        "n",
        "S",
        "1",
        "12345678",
        "+5S",
        "-5S",
        " 5S",
        "5S ",
        "5 S",
        "5s",
        "5h",
        "1.5S",
        "1e3m",
        "0x1S",
        "5SS",
        "5ms",
        "٣S",
        "5\0S",
        "100000000n",
        "1,1S",
    ];
    for value in wrong {
        assert_eq!(grpc(value), None, "{value:?}");
    }
    assert_eq!(GRPC.parse(b"\xff\xffS"), None);
    assert_eq!(GRPC.parse(&vec![b'1'; 1 << 16]), None);
}

#[test]
fn milliseconds_are_plain_digits() {
    for format in [Format::MILLIS, Format::ENVOY_EXPECTED] {
        let read = |value: &str| format.parse(value.as_bytes());
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read("0250"), Some(Duration::from_millis(250)));
        let longest = Duration::from_millis(9_999_999_999_999_999_999);
        assert_eq!(read("9999999999999999999"), Some(longest));
        for wrong in [
            "",
            "10000000000000000000",
            "+1",
            "-1",
            "1 ",
            " 1",
            "1.0",
            "1ms",
            "1m",
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
    let named = Format::millis(Field::new("x-left").unwrap());
    assert_eq!(named.field().name(), "x-left");
    assert_eq!(named.parse(b"7"), Some(Duration::from_millis(7)));
}

#[test]
fn the_finest_unit_that_fits_is_said_and_rounded_down() {
    let nano = Duration::from_nanos(1);
    let edges = [
        (nano, "1n"),
        (Duration::from_nanos(99_999_999), "99999999n"),
        (Duration::from_millis(100), "100000u"),
        (Duration::from_nanos(100_000_999), "100000u"),
        (Duration::from_millis(250), "250000u"),
        (less(Duration::from_secs(100)), "99999999u"),
        (Duration::from_secs(100), "100000m"),
        (less(Duration::from_secs(100_000)), "99999999m"),
        (Duration::from_secs(100_000), "100000S"),
        (less(Duration::from_secs(100_000_000)), "99999999S"),
        (Duration::from_secs(100_000_000), "1666666M"),
        (less(Duration::from_secs(6_000_000_000)), "99999999M"),
        (Duration::from_secs(6_000_000_000), "1666666H"),
        (LONGEST, "99999999H"),
        (LONGEST + nano, "99999999H"),
        (LONGEST * 2, "99999999H"),
        (Duration::MAX, "99999999H"),
    ];
    for (left, said) in edges {
        assert_eq!(say(GRPC, left).as_deref(), Some(said), "{left:?}");
    }
    assert_eq!(say(GRPC, Duration::ZERO), None);
}

#[test]
fn less_than_a_millisecond_is_nothing_to_be_said() {
    let milli = Duration::from_millis(1);
    assert_eq!(say(Format::MILLIS, less(milli)), None);
    assert_eq!(say(Format::MILLIS, milli).as_deref(), Some("1"));
    let almost = Duration::from_micros(2_999);
    assert_eq!(say(Format::MILLIS, almost).as_deref(), Some("2"));
    let most = Some("9223372036854775807".to_owned());
    assert_eq!(say(Format::MILLIS, Duration::MAX), most);
    let longest = Duration::from_millis(9_223_372_036_854_775_807);
    assert_eq!(say(Format::MILLIS, longest), most);
    let shorter = longest.saturating_sub(milli);
    assert_eq!(
        say(Format::MILLIS, shorter).as_deref(),
        Some("9223372036854775806")
    );
}

fn any_duration() -> impl Strategy<Value = Duration> {
    // Evenly over the orders of magnitude: every unit is met.
    (0..=u64::BITS, any::<u64>(), 0..1_000_000_000_u32).prop_map(|(bits, secs, nanos)| {
        let secs = secs.checked_shr(bits).unwrap_or(0);
        Duration::new(secs, nanos)
    })
}

proptest! {
    #[test]
    fn what_is_said_is_never_longer_and_close(left in any_duration()) {
        let said = GRPC.encode(left).map(|text| GRPC.parse(text.as_bytes()).unwrap());
        let said = said.unwrap_or_default();
        prop_assert!(said <= left);
        prop_assert!(said == LONGEST || left.abs_diff(said) <= left / 99_999, "{left:?} is said as {said:?}");

        let said = Format::MILLIS.encode(left).map(|text| Format::MILLIS.parse(text.as_bytes()).unwrap());
        let said = said.unwrap_or_default();
        prop_assert!(said <= left);
        let most = Duration::from_millis(i64::MAX as u64);
        prop_assert!(said == most || left.abs_diff(said) < Duration::from_millis(1));
    }

    #[test]
    fn no_bytes_make_it_panic(value in proptest::collection::vec(any::<u8>(), 0..32)) {
        for format in Format::KNOWN {
            if let Some(left) = format.parse(&value) {
                prop_assert!(value.iter().take(value.len() - 1).all(u8::is_ascii_digit));
                let again = format.encode(left).map(|text| format.parse(text.as_bytes()).unwrap());
                prop_assert!(again.unwrap_or_default() <= left);
            }
        }
    }

    #[test]
    fn what_the_grammar_allows_is_read_as_it_says(count in 0..=99_999_999_u32, unit in 0..6_usize) {
        let (name, length) = [
            ('H', Duration::from_secs(3600)),
            ('M', Duration::from_secs(60)),
            ('S', Duration::from_secs(1)),
            ('m', Duration::from_millis(1)),
            ('u', Duration::from_micros(1)),
            ('n', Duration::from_nanos(1)),
        ][unit];
        prop_assert_eq!(grpc(&format!("{count}{name}")), Some(length * count));
    }
}
