//! A response as bytes, and back.
//!
//! ```text
//! version  1 byte, 1
//! status   2 bytes
//! headers  fields
//! trailers 1 byte: 0 for none, 1 for fields, which follow
//! body     4 bytes of length, and the body
//!
//! fields   each: 1 byte, 0 or 1 for a sensitive value; 4 bytes of length, name;
//!                4 bytes of length, value. After the last: 1 byte, 2
//! ```
//!
//! Numbers have their highest byte first. What is longer, shorter or other than this cannot be read.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::idempotency::Unreadable;

const VERSION: u8 = 1;

const PLAIN: u8 = 0;
const SENSITIVE: u8 = 1;
const END: u8 = 2;

const NO_TRAILERS: u8 = 0;
const TRAILERS: u8 = 1;

/// A record whose body is still to come.
#[derive(Debug)]
pub(crate) struct Draft(Vec<u8>);

impl Draft {
    /// With the head. `None` when a part of it is too long for a record.
    pub(super) fn begin<'a>(
        status: StatusCode,
        headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
    ) -> Option<Self> {
        let mut record = Vec::with_capacity(512);
        record.push(VERSION);
        record.extend_from_slice(&status.as_u16().to_be_bytes());
        push_fields(&mut record, headers)?;
        Some(Self(record))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// With the body. `None` when a part of it is too long for a record.
    pub(super) fn finish(self, data: &[u8], trailers: Option<&HeaderMap>) -> Option<Bytes> {
        let Self(mut record) = self;
        if let Some(trailers) = trailers {
            record.push(TRAILERS);
            push_fields(&mut record, trailers.iter())?;
        } else {
            record.push(NO_TRAILERS);
        }
        push_part(&mut record, data)?;
        Some(record.into())
    }
}

fn push_fields<'a>(
    record: &mut Vec<u8>,
    fields: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) -> Option<()> {
    for (name, value) in fields {
        record.push(if value.is_sensitive() {
            SENSITIVE
        } else {
            PLAIN
        });
        push_part(record, name.as_str().as_bytes())?;
        push_part(record, value.as_bytes())?;
    }
    record.push(END);
    Some(())
}

fn push_part(record: &mut Vec<u8>, part: &[u8]) -> Option<()> {
    let len = u32::try_from(part.len()).ok()?;
    record.extend_from_slice(&len.to_be_bytes());
    record.extend_from_slice(part);
    Some(())
}

/// What a record was made of. Its parts share the record's memory.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) data: Bytes,
    pub(super) trailers: Option<HeaderMap>,
}

impl Record {
    /// Reads a record, which may be of another version, cut off or spoilt.
    pub(super) fn read(record: Bytes) -> Result<Self, Unreadable> {
        Reader(record).record().ok_or(Unreadable)
    }
}

/// What of a record has not been read yet. No length that it names is believed before that many bytes
/// are there.
struct Reader(Bytes);

impl Reader {
    fn record(&mut self) -> Option<Record> {
        if self.byte()? != VERSION {
            return None;
        }
        let status = StatusCode::from_u16(u16::from_be_bytes(self.array()?)).ok()?;
        let headers = self.fields()?;
        let trailers = match self.byte()? {
            NO_TRAILERS => None,
            TRAILERS => Some(self.fields()?),
            _ => return None,
        };
        let data = self.part()?;
        self.0.is_empty().then_some(Record {
            status,
            headers,
            data,
            trailers,
        })
    }

    fn fields(&mut self) -> Option<HeaderMap> {
        let mut fields = HeaderMap::new();
        loop {
            let is_sensitive = match self.byte()? {
                END => return Some(fields),
                PLAIN => false,
                SENSITIVE => true,
                _ => return None,
            };
            let name = HeaderName::from_bytes(&self.part()?).ok()?;
            let mut value = HeaderValue::from_maybe_shared(self.part()?).ok()?;
            value.set_sensitive(is_sensitive);
            fields.try_append(name, value).ok()?;
        }
    }

    fn part(&mut self) -> Option<Bytes> {
        let len = u32::from_be_bytes(self.array()?);
        self.take(usize::try_from(len).ok()?)
    }

    fn byte(&mut self) -> Option<u8> {
        let [byte] = self.array()?;
        Some(byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.as_ref().try_into().ok()
    }

    fn take(&mut self, len: usize) -> Option<Bytes> {
        (len <= self.0.len()).then(|| self.0.split_to(len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    type Fields = Vec<(String, Vec<u8>, bool)>;

    fn map(fields: &Fields) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value, is_sensitive) in fields {
            let mut value = HeaderValue::from_bytes(value).unwrap();
            value.set_sensitive(*is_sensitive);
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
        map
    }

    fn list(map: &HeaderMap) -> Vec<(&str, &[u8], bool)> {
        let fields = map.iter();
        fields
            .map(|(name, value)| (name.as_str(), value.as_bytes(), value.is_sensitive()))
            .collect()
    }

    fn write(status: u16, headers: &HeaderMap, data: &[u8], trailers: Option<&HeaderMap>) -> Bytes {
        let status = StatusCode::from_u16(status).unwrap();
        let draft = Draft::begin(status, headers.iter()).unwrap();
        draft.finish(data, trailers).unwrap()
    }

    fn fields() -> impl Strategy<Value = Fields> {
        let value = vec(
            prop_oneof![Just(b'\t'), 0x20..=0x7e_u8, 0x80..=0xff_u8],
            0..20,
        );
        vec(("[a-d]{1,2}", value, any::<bool>()), 0..8)
    }

    fn records() -> impl Strategy<Value = Bytes> {
        let parts = (
            100..=999_u16,
            fields(),
            vec(any::<u8>(), 0..200),
            proptest::option::of(fields()),
        );
        parts.prop_map(|(status, headers, data, trailers)| {
            write(
                status,
                &map(&headers),
                &data,
                trailers.as_ref().map(map).as_ref(),
            )
        })
    }

    proptest! {
        #[test]
        fn a_response_is_read_as_it_was_written(
            status in 100..=999_u16,
            headers in fields(),
            data in vec(any::<u8>(), 0..200),
            trailers in proptest::option::of(fields()),
        ) {
            // Fault 31.
            let (headers, trailers) = (map(&headers), trailers.as_ref().map(map));
            let record = write(status, &headers, &data, trailers.as_ref());
            let read = Record::read(record).unwrap();
            prop_assert_eq!(read.status.as_u16(), status);
            prop_assert_eq!(list(&read.headers), list(&headers));
            prop_assert_eq!(&read.data[..], &data[..]);
            prop_assert_eq!(read.trailers.as_ref().map(list), trailers.as_ref().map(list));
        }

        #[test]
        fn a_record_that_was_cut_or_has_more_after_it_cannot_be_read(
            record in records(),
            cut in any::<prop::sample::Index>(),
            more in vec(any::<u8>(), 1..9),
        ) {
            // Fault 35.
            let cut = record.slice(..cut.index(record.len()));
            prop_assert!(Record::read(cut).is_err());
            let longer: Vec<u8> = record.iter().copied().chain(more).collect();
            prop_assert!(Record::read(longer.into()).is_err());
        }

        #[test]
        fn a_spoilt_record_is_read_as_some_other_or_not_at_all(
            record in records(),
            spoils in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            // Fault 35.
            let mut record = record.to_vec();
            for (at, byte) in spoils {
                let at = at.index(record.len());
                record[at] = byte;
            }
            if let Ok(read) = Record::read(record.clone().into()) {
                prop_assert!(read.data.len() < record.len());
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..300)) {
            let _ = Record::read(bytes.into());
        }
    }

    #[test]
    fn repeated_and_binary_values_and_trailers_keep_their_order() {
        // Fault 31.
        let mut headers = HeaderMap::new();
        headers.append("link", HeaderValue::from_static("<1>"));
        headers.append("x-raw", HeaderValue::from_bytes(b"\xff\xfe a").unwrap());
        headers.append("link", HeaderValue::from_static("<2>"));
        headers.append("x-empty", HeaderValue::from_static(""));
        let mut trailers = HeaderMap::new();
        trailers.append("grpc-status", HeaderValue::from_static("0"));
        let data: Vec<u8> = (0..=u8::MAX).collect();
        let read = Record::read(write(201, &headers, &data, Some(&trailers))).unwrap();
        assert!(read.headers.get_all("link").iter().eq(["<1>", "<2>"]));
        assert_eq!(read.headers["x-raw"].as_bytes(), b"\xff\xfe a");
        assert_eq!(list(&read.headers), list(&headers));
        assert_eq!(read.data, data);
        assert_eq!(read.trailers.unwrap(), trailers);
    }

    #[test]
    fn no_trailers_and_empty_trailers_differ() {
        let none = HeaderMap::new();
        let read = |trailers| {
            Record::read(write(200, &none, b"", trailers))
                .unwrap()
                .trailers
        };
        assert_eq!(read(None), None);
        assert_eq!(read(Some(&none)), Some(HeaderMap::new()));
    }

    #[test]
    fn another_version_is_not_guessed_at() {
        // Fault 35.
        let record = write(200, &HeaderMap::new(), b"data", None);
        for version in (0..=u8::MAX).filter(|version| *version != VERSION) {
            let mut other = record.to_vec();
            other[0] = version;
            assert_eq!(Record::read(other.into()).unwrap_err(), Unreadable);
        }
        assert!(Record::read(Bytes::new()).is_err());
    }

    #[test]
    fn a_length_that_is_not_there_is_not_believed() {
        // Fault 35. Every length in turn is the largest that there is.
        let mut headers = HeaderMap::new();
        headers.append("a", HeaderValue::from_static("b"));
        let record = write(200, &headers, b"data", Some(&headers));
        for at in 0..record.len() - b"data".len() {
            let mut spoilt = record.to_vec();
            spoilt[at..at + 4].fill(0xff);
            assert!(Record::read(spoilt.into()).is_err(), "at {at}");
        }
    }

    #[test]
    fn more_fields_than_a_map_holds_cannot_be_read() {
        // Fault 35.
        let mut record = vec![VERSION];
        record.extend_from_slice(&200_u16.to_be_bytes());
        for number in 0..40_000_u32 {
            record.push(PLAIN);
            push_part(&mut record, format!("x-{number}").as_bytes()).unwrap();
            push_part(&mut record, b"").unwrap();
        }
        record.push(END);
        let draft = Draft(record);
        assert!(Record::read(draft.finish(b"", None).unwrap()).is_err());
    }
}
