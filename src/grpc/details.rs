//! `google.rpc.RetryInfo`, from the details of a status.

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::HeaderName;

use super::protobuf::{Fields, Malformed, Value};

pub(super) const GRPC_STATUS_DETAILS_BIN: HeaderName =
    HeaderName::from_static("grpc-status-details-bin");

/// gRPC suggests 8 KiB for all trailers together.
const ENCODED_MAX: usize = 16 * 1024;

/// gRPC over HTTP/2, *Requests*: padded and unpadded values must be accepted.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `google.protobuf.Duration`: about 10 000 years.
const SECONDS_MAX: u64 = 315_576_000_000;
const NANOS_MAX: u64 = 999_999_999;

// Field numbers of google/rpc/status.proto, google/protobuf/any.proto, google/rpc/error_details.proto
// and google/protobuf/duration.proto.
const STATUS_DETAILS: u32 = 3;
const ANY_TYPE_URL: u32 = 1;
const ANY_VALUE: u32 = 2;
const RETRY_INFO_DELAY: u32 = 1;
const DURATION_SECONDS: u32 = 1;
const DURATION_NANOS: u32 = 2;

/// The longest delay that the details ask for.
pub(super) fn retry_delay(metadata: &HeaderMap) -> Option<Duration> {
    let values = metadata.get_all(GRPC_STATUS_DETAILS_BIN).iter();
    // Duplicates may be joined by commas, which base64 does not have.
    let encoded = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut left = ENCODED_MAX;
    let mut longest = None;
    for encoded in encoded {
        let encoded = encoded.trim_ascii();
        left = left.checked_sub(encoded.len())?;
        if let Ok(status) = BASE64.decode(encoded) {
            longest = longest.max(of_status(&status).unwrap_or(None));
        }
    }
    longest
}

fn of_status(status: &[u8]) -> Result<Option<Duration>, Malformed> {
    let mut fields = Fields::of(status);
    let mut longest = None;
    while let Some(field) = fields.next()? {
        if let (STATUS_DETAILS, Value::Bytes(detail)) = (field.number, field.value) {
            longest = longest.max(of_any(detail)?);
        }
    }
    Ok(longest)
}

fn of_any(any: &[u8]) -> Result<Option<Duration>, Malformed> {
    let mut fields = Fields::of(any);
    let (mut url, mut message) = (&b""[..], &b""[..]);
    while let Some(field) = fields.next()? {
        match (field.number, field.value) {
            (ANY_TYPE_URL, Value::Bytes(bytes)) => url = bytes,
            (ANY_VALUE, Value::Bytes(bytes)) => message = bytes,
            _ => {}
        }
    }
    // What stands before the last slash is where to look the type up.
    if url.ends_with(b"/google.rpc.RetryInfo") {
        of_retry_info(message)
    } else {
        Ok(None)
    }
}

/// A message that is said twice is merged, and of a number the last counts (protobuf's *Encoding*).
fn of_retry_info(retry_info: &[u8]) -> Result<Option<Duration>, Malformed> {
    let mut fields = Fields::of(retry_info);
    let (mut seconds, mut nanos) = (0, 0);
    while let Some(field) = fields.next()? {
        let (RETRY_INFO_DELAY, Value::Bytes(delay)) = (field.number, field.value) else {
            continue;
        };
        let mut fields = Fields::of(delay);
        while let Some(field) = fields.next()? {
            match (field.number, field.value) {
                (DURATION_SECONDS, Value::Varint(number)) => seconds = number,
                (DURATION_NANOS, Value::Varint(number)) => nanos = number,
                _ => {}
            }
        }
    }
    Ok(duration(seconds, nanos))
}

/// A negative number has its upper bits set, so it is out of range as well.
fn duration(seconds: u64, nanos: u64) -> Option<Duration> {
    let is_in_range = seconds <= SECONDS_MAX && nanos <= NANOS_MAX;
    let nanos = u32::try_from(nanos).ok().filter(|_| is_in_range)?;
    Some(Duration::new(seconds, nanos))
}

#[cfg(test)]
pub(super) mod tests;
