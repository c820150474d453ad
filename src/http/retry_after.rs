//! How long a response asks its reader to stay away.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, HeaderValue, RETRY_AFTER};
use httpdate::HttpDate;

/// Reads `Retry-After` (RFC 9110 §10.2.3), which is a number of seconds or a date.
///
/// A date is measured from the response's own `Date`, so neither side's clock matters; without a
/// valid `Date` it says nothing that could be trusted, and is passed over. A date before that is a
/// wait of zero. Of several values the longest counts. Numbers past `u64::MAX` are
/// [`Duration::MAX`]; anything else that is not one of the two forms is passed over: signs,
/// fractions, lists.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers
        .get_all(RETRY_AFTER)
        .iter()
        .filter_map(|value| wait(value, headers))
        .max()
}

fn wait(value: &HeaderValue, headers: &HeaderMap) -> Option<Duration> {
    let text = value.to_str().ok()?.trim_matches([' ', '\t']);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits fail to parse only when there are too many.
        return Some(text.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let until = date(value)?;
    let sent = date(headers.get(DATE)?)?;
    Some(until.duration_since(sent).unwrap_or_default())
}

/// All three forms of RFC 9110 §5.6.7.
fn date(value: &HeaderValue) -> Option<std::time::SystemTime> {
    Some(value.to_str().ok()?.parse::<HttpDate>().ok()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn read(date: Option<&str>, values: &[&str]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        for value in values {
            headers.append(RETRY_AFTER, value.parse().unwrap());
        }
        retry_after(&headers)
    }

    fn seconds(value: &str) -> Option<Duration> {
        read(None, &[value])
    }

    #[test]
    fn a_number_is_seconds() {
        assert_eq!(seconds("120"), Some(Duration::from_secs(120)), "§10.2.3");
        assert_eq!(seconds("0"), Some(Duration::ZERO));
        assert_eq!(seconds("007"), Some(Duration::from_secs(7)));
        assert_eq!(seconds(" 3\t"), Some(Duration::from_secs(3)));
    }

    #[test]
    fn a_number_too_large_to_hold_saturates() {
        let largest = u64::MAX.to_string();
        assert_eq!(seconds(&largest), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(seconds("18446744073709551616"), Some(Duration::MAX));
        assert_eq!(seconds(&"9".repeat(4000)), Some(Duration::MAX));
    }

    #[test]
    fn what_is_neither_form_is_passed_over() {
        for value in [
            "",
            " ",
            "-1",
            "+1",
            "1.5",
            "1,2",
            "1 2",
            "0x10",
            "1e3",
            "soon",
            "\u{663}",
            "NaN",
            "Sun, 06 Nov 1994",
            "Mon, 06 Nov 1994 08:49:37 GMT", // it was a Sunday
            "Sun, 06 Nov 1994 08:49:60 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999 08:49:37 GMT",
        ] {
            assert_eq!(read(Some(SENT), &[value]), None, "{value:?}");
        }
        let mut headers = HeaderMap::new();
        let bytes = HeaderValue::from_bytes(b"1\xff").unwrap();
        headers.insert(RETRY_AFTER, bytes);
        assert_eq!(retry_after(&headers), None);
    }

    #[test]
    fn a_date_in_each_form_counts_from_the_responses_own() {
        for date in [
            "Sun, 06 Nov 1994 08:51:37 GMT",
            "Sunday, 06-Nov-94 08:51:37 GMT",
            "Sun Nov  6 08:51:37 1994",
        ] {
            let wait = read(Some(SENT), &[date]);
            assert_eq!(wait, Some(Duration::from_secs(120)), "{date}");
        }
    }

    #[test]
    fn a_date_that_has_passed_is_no_wait_and_the_last_one_does_not_overflow() {
        assert_eq!(read(Some(SENT), &[SENT]), Some(Duration::ZERO));
        let before = "Thu, 01 Jan 1970 00:00:00 GMT";
        assert_eq!(read(Some(SENT), &[before]), Some(Duration::ZERO));
        let last = "Fri, 31 Dec 9999 23:59:59 GMT";
        assert_eq!(
            read(Some(before), &[last]),
            Some(Duration::from_secs(253_402_300_799))
        );
    }

    #[test]
    fn a_date_without_one_to_count_from_is_passed_over() {
        let date = "Sun, 06 Nov 1994 08:51:37 GMT";
        assert_eq!(read(None, &[date]), None);
        assert_eq!(read(Some("yesterday"), &[date]), None);
    }

    #[test]
    fn of_several_the_longest_valid_one_counts() {
        let date = "Sun, 06 Nov 1994 08:51:37 GMT";
        let values = ["5", "-7", "junk", date, "60"];
        assert_eq!(read(Some(SENT), &values), Some(Duration::from_secs(120)));
        assert_eq!(read(None, &values), Some(Duration::from_secs(60)));
    }
}
