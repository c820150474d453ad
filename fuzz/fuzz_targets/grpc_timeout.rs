//! A value of any bytes in each format of the time left: what is read is said again as no more than
//! that, and any time can be said.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use mainstay::deadline::Format;

const FORMATS: [(Format, usize); 3] = [
    (Format::GRPC_TIMEOUT, 8),
    (Format::MILLIS, 19),
    (Format::ENVOY_EXPECTED, 19),
];

/// The grammar, the slow way.
fn model(format: Format, most: usize, value: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?;
    let (digits, unit) = if format == Format::GRPC_TIMEOUT {
        text.split_at_checked(text.len().checked_sub(1)?)?
    } else {
        (text, "m")
    };
    if digits.is_empty() || digits.len() > most || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos: u128 = match unit {
        "H" => 3_600_000_000_000,
        "M" => 60_000_000_000,
        "S" => 1_000_000_000,
        "m" => 1_000_000,
        "u" => 1_000,
        "n" => 1,
        _ => return None,
    };
    let nanos = digits.parse::<u128>().unwrap() * nanos;
    let secs = u64::try_from(nanos / 1_000_000_000).unwrap();
    Some(Duration::new(secs, u32::try_from(nanos % 1_000_000_000).unwrap()))
}

fn say(format: Format, left: Duration) {
    match format.encode(left) {
        Some(text) => {
            let said = format.parse(text.as_bytes()).expect("our own is valid");
            assert!(said <= left && !said.is_zero());
            let again = format.encode(said).expect("it was said before");
            assert!(format.parse(again.as_bytes()) == Some(said));
        }
        None => assert!(left < Duration::from_millis(1)),
    }
}

fuzz_target!(|value: &[u8]| {
    for (format, most) in FORMATS {
        let left = format.parse(value);
        assert_eq!(left, model(format, most, value));
        if let Some(left) = left {
            say(format, left);
        }
        if let Some((secs, rest)) = value.split_first_chunk() {
            let nanos = rest.first_chunk().map_or(0, |nanos| u32::from_le_bytes(*nanos));
            say(format, Duration::new(u64::from_le_bytes(*secs), nanos % 1_000_000_000));
        }
    }
});
