use super::*;
use http::HeaderValue;
use proptest::prelude::*;

/// `code: 14`, `message: "busy"`, and a `RetryInfo` of one second, padded.
pub(in crate::grpc) const ONE_SECOND: &str =
    "CA4SBGJ1c3kaMAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIECgIIAQ==";

/// A `RetryInfo` that says nothing, unpadded.
pub(in crate::grpc) const NO_DELAY: &str =
    "GiwKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8SAA";

const URL: &[u8] = b"type.googleapis.com/google.rpc.RetryInfo";

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
    bytes
}

fn number(field: u64, number: u64) -> Vec<u8> {
    [varint(field << 3), varint(number)].concat()
}

fn bytes(field: u64, bytes: &[u8]) -> Vec<u8> {
    let length = varint(bytes.len() as u64);
    [varint(field << 3 | 2), length, bytes.to_vec()].concat()
}

fn detail(url: &[u8], message: &[u8]) -> Vec<u8> {
    [bytes(1, url), bytes(2, message)].concat()
}

fn retry_info(seconds: u64, nanos: u64) -> Vec<u8> {
    bytes(1, &[number(1, seconds), number(2, nanos)].concat())
}

fn status(retry_info: &[u8]) -> Vec<u8> {
    let detail = detail(URL, retry_info);
    [number(1, 14), bytes(2, b"busy"), bytes(3, &detail)].concat()
}

fn said(seconds: u64, nanos: u64) -> Option<Duration> {
    of_status(&status(&retry_info(seconds, nanos))).unwrap()
}

fn read(values: &[&str]) -> Option<Duration> {
    let mut metadata = HeaderMap::new();
    for value in values {
        let value = HeaderValue::from_str(value).unwrap();
        metadata.append(GRPC_STATUS_DETAILS_BIN, value);
    }
    retry_delay(&metadata)
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_delay_is_read_padded_and_unpadded() {
    assert_eq!(read(&[ONE_SECOND]), Some(SECOND));
    assert_eq!(read(&[ONE_SECOND.trim_end_matches('=')]), Some(SECOND));
    assert_eq!(read(&[]), None);
    assert_eq!(read(&[""]), None);
    assert_eq!(read(&[NO_DELAY]), Some(Duration::ZERO));
}

#[test]
fn the_longest_of_several_counts_joined_or_not_and_what_is_broken_is_passed_over() {
    let two = BASE64.encode(status(&retry_info(2, 0)));
    assert_eq!(read(&[ONE_SECOND, &two]), Some(2 * SECOND));
    assert_eq!(read(&[&format!("{two}, {ONE_SECOND}")]), Some(2 * SECOND));
    assert_eq!(read(&["!", ONE_SECOND, "CA4SBG"]), Some(SECOND));
    let both = [status(&retry_info(1, 0)), status(&retry_info(2, 0))].concat();
    assert_eq!(of_status(&both), Ok(Some(2 * SECOND)));
}

#[test]
fn a_delay_is_within_the_range_of_a_duration() {
    assert_eq!(said(0, 0), Some(Duration::ZERO));
    assert_eq!(said(3, 500_000_000), Some(Duration::from_millis(3500)));
    let most = Duration::new(SECONDS_MAX, 999_999_999);
    assert_eq!(said(SECONDS_MAX, NANOS_MAX), Some(most));
    let minus_one = u64::MAX;
    for (seconds, nanos) in [
        (SECONDS_MAX + 1, 0),
        (0, NANOS_MAX + 1),
        (minus_one, 0),
        (0, minus_one),
        (1, minus_one),
        (u64::MAX, u64::MAX),
    ] {
        assert_eq!(said(seconds, nanos), None, "{seconds} s {nanos} ns");
    }
}

#[test]
fn what_is_left_out_is_zero_and_what_is_said_twice_is_merged() {
    assert_eq!(of_retry_info(b""), Ok(Some(Duration::ZERO)));
    let twice = [
        bytes(1, &[number(1, 7), number(2, 5)].concat()),
        bytes(1, &number(1, 2)),
    ];
    let merged = Duration::new(2, 5);
    assert_eq!(of_retry_info(&twice.concat()), Ok(Some(merged)));
}

#[test]
fn other_details_and_fields_of_another_type_say_nothing() {
    let other = detail(
        b"type.googleapis.com/google.rpc.DebugInfo",
        &retry_info(1, 0),
    );
    assert_eq!(of_status(&bytes(3, &other)), Ok(None));
    let beside = detail(b"xgoogle.rpc.RetryInfo", &retry_info(1, 0));
    assert_eq!(of_status(&bytes(3, &beside)), Ok(None));
    assert_eq!(of_status(&number(3, 7)), Ok(None));
    assert_eq!(of_status(&bytes(3, &number(2, 1))), Ok(None));
    let elsewhere = detail(b"example.com/types/google.rpc.RetryInfo", &retry_info(1, 0));
    assert_eq!(of_status(&bytes(3, &elsewhere)), Ok(Some(SECOND)));
    let unknown = [bytes(99, b"x"), retry_info(1, 0)].concat();
    assert_eq!(of_status(&status(&unknown)), Ok(Some(SECOND)));
}

#[test]
fn a_message_that_is_cut_off_says_nothing() {
    let whole = status(&retry_info(1, 0));
    let ends = [0, 2, 8, whole.len()];
    for length in 0..=whole.len() {
        let read = of_status(&whole[..length]);
        assert_eq!(read.is_ok(), ends.contains(&length), "{length}: {read:?}");
        assert!(length == whole.len() || read.unwrap_or(None).is_none());
    }
}

/// So nothing is decoded that is longer than trailers are.
#[test]
fn details_past_the_cap_are_not_read() {
    let mut padded = status(&retry_info(1, 0));
    let filler = ENCODED_MAX / 4 * 3 - padded.len() - 4;
    padded.extend(bytes(99, &vec![0; filler]));
    let longest = BASE64.encode(&padded);
    assert_eq!(longest.len(), ENCODED_MAX);
    assert_eq!(read(&[&longest]), Some(SECOND));
    assert_eq!(read(&[&format!("{longest}A")]), None);
    assert_eq!(read(&[&longest, "A"]), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = of_status(&bytes);
        let _ = of_any(&bytes);
        let _ = of_retry_info(&bytes);
        let _ = of_status(&status(&bytes));
    }

    #[test]
    fn no_change_of_a_good_one_makes_it_panic(
        at in 0_usize..62,
        byte in any::<u8>(),
        length in 0_usize..62,
    ) {
        let mut bytes = status(&retry_info(1, 2));
        prop_assert_eq!(bytes.len(), 60);
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(length);
        if let Ok(Some(delay)) = of_status(&bytes) {
            prop_assert!(delay.as_secs() <= SECONDS_MAX);
        }
    }

    #[test]
    fn no_header_makes_it_panic(value in "[ -~]{0,80}") {
        let _ = read(&[&value]);
    }

    #[test]
    fn what_is_written_is_read(seconds in 0..=SECONDS_MAX, nanos in 0..=NANOS_MAX) {
        let expected = Duration::new(seconds, u32::try_from(nanos).unwrap());
        prop_assert_eq!(said(seconds, nanos), Some(expected));
    }
}
