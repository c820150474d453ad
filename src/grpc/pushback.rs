//! How long a service asks its callers to stay away.

use std::time::Duration;

use http::HeaderMap;
use http::header::HeaderName;

use crate::classify::Pushback;

use super::details;

pub(super) const GRPC_RETRY_PUSHBACK_MS: HeaderName =
    HeaderName::from_static("grpc-retry-pushback-ms");

/// Reads what a service asks for in the trailers of a call, or in the head of a Trailers-Only response.
///
/// | Metadata | Means |
/// |---|---|
/// | `grpc-retry-pushback-ms`: 0 to 2³¹ − 1, in plain digits | [`After`](Pushback::After) that many milliseconds; 0 is at once |
/// | the same: negative, anything else, or more than one value | [`Never`](Pushback::Never) |
/// | else, a `google.rpc.RetryInfo` in `grpc-status-details-bin` with a delay above zero | [`After`](Pushback::After) the delay, of several the longest |
/// | else | [`None`](Pushback::None) |
///
/// The first is gRPC's own word on the repeat of a call (gRFC A6, *Pushback*) and so counts before the
/// second, which is advice. What there is of the second and cannot be read says nothing: details that are
/// no base64, longer than 16 KiB, or no protobuf message of `google.rpc.Status`, and a delay that is negative
/// or out of `google.protobuf.Duration`'s range.
pub fn pushback(metadata: &HeaderMap) -> Pushback {
    let mut values = metadata.get_all(GRPC_RETRY_PUSHBACK_MS).iter();
    match (values.next(), values.next()) {
        (None, _) => match details::retry_delay(metadata) {
            Some(delay) if !delay.is_zero() => Pushback::After(delay),
            Some(_) | None => Pushback::None,
        },
        (Some(value), None) => millis(value.as_bytes()).map_or(Pushback::Never, Pushback::After),
        (Some(_), Some(_)) => Pushback::Never,
    }
}

/// A signed 32-bit integer without unnecessary zeros, if it is not negative.
fn millis(digits: &[u8]) -> Option<Duration> {
    if !matches!(digits, [b'0'] | [b'1'..=b'9', ..]) {
        return None;
    }
    let millis: i32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(Duration::from_millis(u64::try_from(millis).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(values: &[&[u8]]) -> Pushback {
        let mut metadata = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value).unwrap();
            metadata.append(GRPC_RETRY_PUSHBACK_MS, value);
        }
        pushback(&metadata)
    }

    fn after(millis: u64) -> Pushback {
        Pushback::After(Duration::from_millis(millis))
    }

    #[test]
    fn a_number_is_milliseconds_and_zero_is_at_once() {
        assert_eq!(of(&[b"0"]), after(0));
        assert_eq!(of(&[b"1"]), after(1));
        assert_eq!(of(&[b"1500"]), after(1500));
        assert_eq!(of(&[b"2147483647"]), after(2_147_483_647));
    }

    #[test]
    fn what_is_negative_or_cannot_be_parsed_says_never() {
        let never: [&[u8]; 15] = [
            b"-1",
            b"-0",
            b"-2147483648",
            b"2147483648",
            b"99999999999999999999",
            b"",
            b" ",
            b" 1",
            b"1 ",
            b"+1",
            b"01",
            b"00",
            b"1.5",
            b"1s",
            b"\xff\xfe",
        ];
        for value in never {
            assert_eq!(of(&[value]), Pushback::Never, "{value:?}");
        }
    }

    #[test]
    fn nothing_is_asked_where_nothing_is_said_and_never_where_two_things_are() {
        assert_eq!(of(&[]), Pushback::None);
        assert_eq!(of(&[b"5", b"5"]), Pushback::Never);
    }

    #[test]
    fn a_retry_info_without_a_delay_leaves_the_wait_to_the_caller() {
        let mut metadata = HeaderMap::new();
        let details = HeaderValue::from_static(details::tests::NO_DELAY);
        metadata.insert(details::GRPC_STATUS_DETAILS_BIN, details);
        assert_eq!(pushback(&metadata), Pushback::None);
    }

    #[test]
    fn the_pushback_counts_before_the_details() {
        let mut metadata = HeaderMap::new();
        let details = HeaderValue::from_str(details::tests::ONE_SECOND).unwrap();
        metadata.insert(details::GRPC_STATUS_DETAILS_BIN, details);
        assert_eq!(pushback(&metadata), after(1000));
        for (value, expected) in [("7", after(7)), ("0", after(0)), ("-1", Pushback::Never)] {
            metadata.insert(GRPC_RETRY_PUSHBACK_MS, HeaderValue::from_static(value));
            assert_eq!(pushback(&metadata), expected);
        }
    }
}
