//! The answer itself.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use crate::error::{Kind, Rejection};

use super::{detail, hint};

/// What a client is told (RFC 9457 §3).
#[derive(Debug)]
pub(super) struct Problem<'a> {
    status: StatusCode,
    refusal: Option<&'a Rejection>,
    names_layer: bool,
    type_base: Option<&'a str>,
}

impl<'a> Problem<'a> {
    pub(super) const fn of(refusal: &'a Rejection, status: StatusCode, names_layer: bool) -> Self {
        Self {
            status,
            refusal: Some(refusal),
            names_layer,
            type_base: None,
        }
    }

    pub(super) const fn type_base(mut self, base: Option<&'a str>) -> Self {
        self.type_base = base;
        self
    }

    pub(super) const fn unexpected() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            refusal: None,
            names_layer: false,
            type_base: None,
        }
    }

    pub(super) fn into_response<B: From<Bytes>>(self) -> Response<B> {
        let mut response = Response::new(Bytes::from(self.json()).into());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(wait) = self.wait() {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        if let Some((name, value)) = self.refusal.and_then(hint) {
            headers.insert(name, value);
        }
        if self
            .refusal
            .is_some_and(|refusal| is_of_a_key(refusal.kind()))
        {
            // What is true of a key at this moment is nothing for a cache.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        response
    }

    /// When to come back; not said when that is now.
    fn wait(&self) -> Option<Duration> {
        let wait = self.refusal?.retry_after()?;
        (!wait.is_zero()).then_some(wait)
    }

    fn json(&self) -> String {
        let mut json = String::with_capacity(256);
        json.push_str(r#"{"type":"#);
        match (self.type_base, self.refusal) {
            (Some(base), Some(refusal)) => {
                push_string(&mut json, &format!("{base}{}", refusal.kind().label()));
            }
            _ => json.push_str(r#""about:blank""#),
        }
        json.push_str(r#","title":"#);
        push_string(&mut json, self.status.canonical_reason().unwrap_or("Error"));
        push_number(&mut json, "status", self.status.as_u16().into());
        if let Some(refusal) = self.refusal {
            json.push_str(r#","detail":"#);
            push_string(&mut json, detail(refusal.kind()));
            json.push_str(r#","kind":"#);
            push_string(&mut json, refusal.kind().label());
            if let Some(is_safe) = is_new_key_safe(refusal.kind()) {
                // Writing to a string does not fail.
                let _ = write!(json, r#","safe_new_key":{is_safe}"#);
            }
            if self.names_layer {
                json.push_str(r#","layer":"#);
                push_string(&mut json, refusal.layer());
            }
        }
        if let Some(wait) = self.wait() {
            let millis = wait.as_nanos().div_ceil(1_000_000);
            push_number(&mut json, "retry_after_ms", millis);
        }
        json.push('}');
        json
    }
}

/// Whether the refusal speaks of an idempotency key, or of a request that was refused because it has
/// one.
const fn is_of_a_key(kind: Kind) -> bool {
    matches!(kind, Kind::BodyTooLarge | Kind::BodyFailed) || is_new_key_safe(kind).is_some()
}

/// Whether the request may be sent again under another key: only where nothing can have run under this
/// one. A key that was used for another request may have been used for an earlier form of this one. A
/// store that is down says nothing of what ran before, and neither does it that the caller is nobody
/// now: an earlier try may have been made before the session ended.
const fn is_new_key_safe(kind: Kind) -> Option<bool> {
    match kind {
        Kind::KeyMissing | Kind::KeyMalformed => Some(true),
        Kind::ScopeMissing
        | Kind::KeyReused
        | Kind::InFlight
        | Kind::OutcomeUnknown
        | Kind::ResultUnavailable
        | Kind::StoreUnavailable
        | Kind::StoreFull
        | Kind::TooManyWaiters => Some(false),
        _ => None,
    }
}

/// Rounded up, so that nobody comes back early; so never 0.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
}

fn push_number(json: &mut String, member: &'static str, number: u128) {
    // Writing to a string does not fail.
    let _ = write!(json, r#","{member}":{number}"#);
}

/// A string with what RFC 8259 §7 says must be escaped.
fn push_string(json: &mut String, text: &str) {
    json.push('"');
    for char in text.chars() {
        match char {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Executed;
    use serde_json::{Value, json};

    fn refusal(kind: Kind, name: &str) -> Rejection {
        Rejection::new(kind, Executed::No, name.into())
    }

    fn read(problem: Problem<'_>) -> (Option<String>, Value) {
        let response: Response<Bytes> = problem.into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
        (
            retry_after,
            serde_json::from_slice(response.body()).unwrap(),
        )
    }

    fn after(wait: Duration) -> (Option<String>, Value) {
        let refusal = refusal(Kind::CircuitOpen, "db").after(wait);
        let (header, json) = read(Problem::of(
            &refusal,
            StatusCode::SERVICE_UNAVAILABLE,
            false,
        ));
        (header, json["retry_after_ms"].clone())
    }

    #[test]
    fn a_refusal_is_a_problem_of_rfc_9457_without_a_name_from_inside() {
        let refusal = refusal(Kind::BulkheadFull, "ledger-primary")
            .after(Duration::from_millis(1500))
            .because(std::sync::Arc::new(std::fmt::Error));
        let (header, json) = read(Problem::of(&refusal, StatusCode::TOO_MANY_REQUESTS, false));
        assert_eq!(header.unwrap(), "2");
        let expected = json!({
            "type": "about:blank",
            "title": "Too Many Requests",
            "status": 429,
            "detail": "The service has no capacity free.",
            "kind": "bulkhead_full",
            "retry_after_ms": 1500,
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn an_error_that_is_no_refusal_says_nothing_of_itself() {
        let (header, json) = read(Problem::unexpected());
        assert_eq!(header, None);
        let expected =
            json!({"type": "about:blank", "title": "Internal Server Error", "status": 500});
        assert_eq!(json, expected);
    }

    #[test]
    fn retry_after_is_rounded_up_and_not_said_when_it_is_now() {
        assert_eq!(after(Duration::ZERO), (None, Value::Null));
        assert_eq!(after(Duration::from_nanos(1)), (Some("1".into()), json!(1)));
        assert_eq!(
            after(Duration::from_secs(1)),
            (Some("1".into()), 1000.into())
        );
        let more = Duration::new(1, 1);
        assert_eq!(after(more), (Some("2".into()), json!(1001)));
        let (header, _) = after(Duration::MAX);
        assert_eq!(header.unwrap(), u64::MAX.to_string());
    }

    #[test]
    fn a_name_is_told_when_asked_for_and_escaped() {
        let name = "a\"b\\c\n\u{0}\u{1f}\u{7f}é😀";
        let refusal = refusal(Kind::Timeout, name);
        let (_, json) = read(Problem::of(&refusal, StatusCode::GATEWAY_TIMEOUT, true));
        assert_eq!(json["layer"], name);
    }

    #[test]
    fn a_status_without_a_phrase_has_a_title_all_the_same() {
        let refusal = refusal(Kind::Timeout, "x");
        let odd = StatusCode::from_u16(599).unwrap();
        let (_, json) = read(Problem::of(&refusal, odd, false));
        assert_eq!(
            (&json["title"], &json["status"]),
            (&json!("Error"), &json!(599))
        );
    }

    #[test]
    fn a_refusal_for_its_key_says_whether_another_is_safe_and_is_not_cached() {
        let kinds = [
            (Kind::KeyMissing, Some(true)),
            (Kind::KeyMalformed, Some(true)),
            (Kind::ScopeMissing, Some(false)),
            (Kind::KeyReused, Some(false)),
            (Kind::InFlight, Some(false)),
            (Kind::OutcomeUnknown, Some(false)),
            (Kind::ResultUnavailable, Some(false)),
            (Kind::StoreUnavailable, Some(false)),
            (Kind::StoreFull, Some(false)),
            (Kind::TooManyWaiters, Some(false)),
            (Kind::BodyTooLarge, None),
            (Kind::BodyFailed, None),
        ];
        for (kind, is_safe) in kinds {
            let refusal = refusal(kind, "keys");
            let problem = || Problem::of(&refusal, StatusCode::CONFLICT, false);
            let (_, json) = read(problem());
            assert_eq!(json.get("safe_new_key"), is_safe.map(Value::from).as_ref());
            assert_eq!(json["kind"], kind.label());
            let response: Response<Bytes> = problem().into_response();
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{kind:?}");
        }
        for kind in [Kind::Timeout, Kind::CircuitOpen, Kind::ShuttingDown] {
            let refusal = refusal(kind, "db");
            let problem = Problem::of(&refusal, StatusCode::SERVICE_UNAVAILABLE, false);
            let response: Response<Bytes> = problem.into_response();
            assert!(!response.headers().contains_key(CACHE_CONTROL), "{kind:?}");
        }
    }

    #[test]
    fn a_type_is_the_base_with_the_kind_and_blank_without_either() {
        let refusal = refusal(Kind::KeyReused, "keys");
        let problem = || Problem::of(&refusal, StatusCode::UNPROCESSABLE_ENTITY, false);
        let base = Some("https://errors.example/\"a\"#");
        let (_, json) = read(problem().type_base(base));
        assert_eq!(json["type"], "https://errors.example/\"a\"#key_reused");
        let (_, json) = read(problem().type_base(None));
        assert_eq!(json["type"], "about:blank");
        let (_, json) = read(Problem::unexpected().type_base(base));
        assert_eq!(json["type"], "about:blank");
    }
}
