//! The status of a gRPC call.

use http::header::HeaderName;
use http::{HeaderMap, StatusCode};

pub(super) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// A status code of gRPC, by the names and numbers of its `statuscodes.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Code {
    /// The call succeeded.
    Ok = 0,
    /// It was cancelled, as a rule by its caller.
    Cancelled = 1,
    /// It failed without a code that is known here, or without any.
    Unknown = 2,
    /// The argument is wrong whatever the state of the service.
    InvalidArgument = 3,
    /// Its deadline passed; it may have run all the same.
    DeadlineExceeded = 4,
    /// Something that it names does not exist.
    NotFound = 5,
    /// Something that it creates exists.
    AlreadyExists = 6,
    /// The caller may not do this.
    PermissionDenied = 7,
    /// A quota or a resource is used up, or a message is too large.
    ResourceExhausted = 8,
    /// The state of the service must be changed first.
    FailedPrecondition = 9,
    /// A conflict with another call; to be repeated at a higher level.
    Aborted = 10,
    /// It asks for what lies past the end.
    OutOfRange = 11,
    /// The service does not know the method.
    Unimplemented = 12,
    /// Something is broken.
    Internal = 13,
    /// The service cannot be reached or does not take calls now.
    Unavailable = 14,
    /// Data is lost or damaged.
    DataLoss = 15,
    /// The caller is not known.
    Unauthenticated = 16,
}

impl Code {
    /// Every code, in the order of the numbers.
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The number on the wire, 0 to 16.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The code of a number; [`Unknown`](Self::Unknown) for any that is not listed.
    pub fn of_number(number: u32) -> Self {
        let code = usize::try_from(number)
            .ok()
            .and_then(|at| Self::ALL.get(at));
        code.copied().unwrap_or(Self::Unknown)
    }

    /// What `grpc-status` says in the trailers of a response, or in its head where that is all there is
    /// (Trailers-Only). `None` when it is not there.
    ///
    /// The value is a decimal number without a sign, a blank or a leading zero (gRPC over HTTP/2,
    /// *Responses*). Anything else is [`Unknown`](Self::Unknown), as `statuscodes.md` says of a status
    /// that cannot be parsed, and so are two values that differ.
    pub fn of_metadata(metadata: &HeaderMap) -> Option<Self> {
        let mut values = metadata.get_all(GRPC_STATUS).iter();
        let value = values.next()?;
        let code = if values.all(|other| other == value) {
            number(value.as_bytes()).map(Self::of_number)
        } else {
            None
        };
        Some(code.unwrap_or(Self::Unknown))
    }

    /// The code of a response that has no `grpc-status`, by gRPC's `http-grpc-status-mapping.md`. Such
    /// a response comes from something in between that does not speak gRPC.
    pub const fn of_http(status: StatusCode) -> Self {
        match status.as_u16() {
            400 | 431 => Self::Internal,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::Unimplemented,
            429 | 502..=504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }
}

/// `0`, or digits that do not begin with it; those too large to hold are as unknown as any.
fn number(digits: &[u8]) -> Option<u32> {
    let is_plain = match digits {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_plain)?;
    Some(digits.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(values: &[&[u8]]) -> Option<Code> {
        let mut metadata = HeaderMap::new();
        for value in values {
            metadata.append(GRPC_STATUS, HeaderValue::from_bytes(value).unwrap());
        }
        Code::of_metadata(&metadata)
    }

    #[test]
    fn every_number_on_the_wire_is_its_code() {
        for (number, code) in (0_u32..).zip(Code::ALL) {
            assert_eq!(u32::from(code.number()), number);
            assert_eq!(Code::of_number(number), code);
            assert_eq!(of(&[number.to_string().as_bytes()]), Some(code));
        }
    }

    #[test]
    fn a_number_that_is_not_listed_is_unknown() {
        for number in [17, 100, u32::MAX] {
            assert_eq!(Code::of_number(number), Code::Unknown);
        }
        for wire in ["17", "4294967295", "4294967296", &"9".repeat(4000)] {
            assert_eq!(of(&[wire.as_bytes()]), Some(Code::Unknown), "{wire}");
        }
    }

    #[test]
    fn what_is_no_plain_number_is_unknown_and_not_ok() {
        let odd: [&[u8]; 14] = [
            b"", b" ", b"00", b"05", b" 0", b"0 ", b"+0", b"-0", b"-1", b"0x0", b"OK", b"0.0",
            b"0,0", b"\xff",
        ];
        for wire in odd {
            assert_eq!(of(&[wire]), Some(Code::Unknown), "{wire:?}");
        }
    }

    #[test]
    fn no_status_is_none_and_of_several_all_must_say_the_same() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[b"14", b"14"]), Some(Code::Unavailable));
        assert_eq!(of(&[b"0", b"14"]), Some(Code::Unknown));
        assert_eq!(of(&[b"14", b"0"]), Some(Code::Unknown));
    }

    #[test]
    fn a_response_that_is_no_grpc_is_mapped_as_the_document_says() {
        for status in 100..=999_u16 {
            let expected = match status {
                400 | 431 => Code::Internal,
                401 => Code::Unauthenticated,
                403 => Code::PermissionDenied,
                404 => Code::Unimplemented,
                429 | 502 | 503 | 504 => Code::Unavailable,
                _ => Code::Unknown,
            };
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Code::of_http(status), expected, "{status}");
        }
    }
}
