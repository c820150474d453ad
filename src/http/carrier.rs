//! Headers as the fields in which context travels.

#![expect(
    clippy::inline_always,
    reason = "where a field is known to the compiler, so is its name here and the length of what is set"
)]

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::context::{Carrier, Field};

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
static MILLIS: HeaderName = HeaderName::from_static("x-request-timeout-ms");
static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
static ENVOY: HeaderName = HeaderName::from_static("x-envoy-expected-rq-timeout-ms");

/// The name of a field as headers have it. To make one of text, the text is checked each time; so those
/// that most calls ask for are kept.
#[inline(always)]
fn name(field: Field) -> Cow<'static, HeaderName> {
    match field.name() {
        "traceparent" => Cow::Borrowed(&TRACEPARENT),
        "tracestate" => Cow::Borrowed(&TRACESTATE),
        "x-request-timeout-ms" => Cow::Borrowed(&MILLIS),
        "grpc-timeout" => Cow::Borrowed(&GRPC_TIMEOUT),
        "x-envoy-expected-rq-timeout-ms" => Cow::Borrowed(&ENVOY),
        other => Cow::Owned(HeaderName::from_static(other)),
    }
}

/// The headers alone; nothing can be attached to them.
impl Carrier for HeaderMap {
    #[inline(always)]
    fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        let values = Self::get_all(self, &*name(field)).into_iter();
        values.map(HeaderValue::as_bytes)
    }

    #[inline(always)]
    fn set(&mut self, field: Field, value: &[u8]) {
        let name = name(field);
        let set = match HeaderValue::from_bytes(value) {
            Ok(value) => self.try_insert(&*name, value).is_ok(),
            Err(_) => false,
        };
        if !set {
            Self::remove(self, &*name);
        }
    }

    #[inline(always)]
    fn remove(&mut self, field: Field) {
        Self::remove(self, &*name(field));
    }
}

/// The headers, and the request's extensions for what is attached.
impl<B> Carrier for http::Request<B> {
    #[inline(always)]
    fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        Carrier::get_all(self.headers(), field)
    }

    #[inline(always)]
    fn set(&mut self, field: Field, value: &[u8]) {
        Carrier::set(self.headers_mut(), field, value);
    }

    #[inline(always)]
    fn remove(&mut self, field: Field) {
        Carrier::remove(self.headers_mut(), field);
    }

    #[inline]
    fn attach<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        self.extensions_mut().insert(value);
    }

    #[inline]
    fn attached<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.extensions().get()
    }

    #[inline]
    fn detach<T: Clone + Send + Sync + 'static>(&mut self) {
        self.extensions_mut().remove::<T>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: Field = Field::known("x-field");

    #[test]
    fn a_field_is_found_in_any_case_and_set_once() {
        let mut request = http::Request::builder()
            .header("X-Field", "1")
            .header("x-other", "3")
            .header("x-field", "2")
            .body(())
            .unwrap();
        assert!(Carrier::get_all(&request, FIELD).eq([b"1", b"2"]));
        request.set(FIELD, b"4");
        assert!(Carrier::get_all(&request, FIELD).eq([b"4"]));
        request.remove(FIELD);
        assert_eq!(request.headers().len(), 1);
    }

    #[test]
    fn a_value_that_no_header_holds_leaves_none() {
        let mut headers = HeaderMap::new();
        headers.set(FIELD, b"1");
        headers.set(FIELD, b"a\nb");
        assert!(headers.is_empty());
    }

    #[test]
    fn a_full_map_takes_no_more_keeps_nothing_stale_and_does_not_panic() {
        let mut headers = HeaderMap::new();
        headers.set(FIELD, b"0");
        for number in 0..u32::MAX {
            let name = HeaderName::try_from(format!("x-{number}")).unwrap();
            if headers.try_append(name, HeaderValue::from(number)).is_err() {
                break;
            }
        }
        let full = headers.len();
        headers.set(FIELD, b"1");
        assert_eq!(Carrier::get_all(&headers, FIELD).count(), 0);
        assert_eq!(headers.len(), full - 1);
        let name = HeaderName::from_static("x-last");
        while headers.try_append(&name, HeaderValue::from(0)).is_ok() {}
        let full = headers.len();
        headers.set(FIELD, b"2");
        assert_eq!(headers.len(), full);
        assert_eq!(Carrier::get_all(&headers, FIELD).count(), 0);
    }

    #[test]
    fn every_name_that_a_field_may_have_is_a_header_s() {
        let longest: &str = "!#$%&'*+-.^_`|~09az".repeat(8).leak();
        let longest = longest.get(..128).unwrap();
        for name in ["!#$%&'*+-.^_`|~09az", longest] {
            let field = Field::new(name).unwrap();
            let mut headers = HeaderMap::new();
            headers.set(field, b"1");
            assert!(Carrier::get_all(&headers, field).eq([b"1"]), "{name}");
            Carrier::remove(&mut headers, field);
            assert!(headers.is_empty(), "{name}");
        }
    }

    #[test]
    fn what_is_attached_is_kept_in_the_extensions() {
        let mut request = http::Request::new(());
        request.attach(7_u8);
        request.attach(8_u8);
        assert_eq!(request.attached(), Some(&8_u8));
        request.detach::<u8>();
        assert_eq!(request.attached::<u8>(), None);
    }
}
