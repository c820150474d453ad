//! Which headers of a response are part of its record.

use http::HeaderMap;
use http::header::{CONNECTION, HeaderName, HeaderValue};

/// Never stored: what belongs to a connection and not to the response (RFC 9110 §7.6.1), the length,
/// which follows from the body, and what a replay says of itself.
const NEVER: &[&str] = &[
    "connection",
    "content-length",
    "idempotency-replayed",
    "idempotency-status",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Not stored unless asked for: what was true of one exchange, or is one client's secret.
const OF_ONE_EXCHANGE: &[&str] = &[
    "age",
    "authentication-info",
    "b3",
    "baggage",
    "date",
    "request-id",
    "server-timing",
    "set-cookie",
    "traceparent",
    "traceresponse",
    "tracestate",
    "www-authenticate",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-request-id",
    "x-trace-id",
];

const OF_ONE_EXCHANGE_BY_PREFIX: &[&str] = &[
    "ratelimit",
    "x-b3-",
    "x-datadog-",
    "x-rate-limit",
    "x-ratelimit",
];

/// The rule; by default all but those above.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredHeaders {
    only: Option<Vec<HeaderName>>,
    omitted: Vec<HeaderName>,
}

impl StoredHeaders {
    pub(super) fn only(&mut self, names: impl IntoIterator<Item = HeaderName>) {
        self.only = Some(names.into_iter().collect());
    }

    pub(super) fn omit(&mut self, name: HeaderName) {
        self.omitted.push(name);
    }

    pub(super) fn of<'a>(
        &self,
        headers: &'a HeaderMap,
    ) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> {
        let fields = headers.iter();
        fields.filter(|(name, _)| self.keeps(name) && !is_of_connection(name, headers))
    }

    fn keeps(&self, name: &HeaderName) -> bool {
        let text = name.as_str();
        if NEVER.contains(&text) || self.omitted.contains(name) {
            return false;
        }
        if let Some(only) = &self.only {
            return only.contains(name);
        }
        let begins = |prefix: &&str| text.starts_with(prefix);
        !OF_ONE_EXCHANGE.contains(&text) && !OF_ONE_EXCHANGE_BY_PREFIX.iter().any(begins)
    }
}

/// Whether `Connection` names the header.
fn is_of_connection(name: &HeaderName, headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CONNECTION).into_iter();
    let mut options = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    options.any(|option| {
        option
            .trim_ascii()
            .eq_ignore_ascii_case(name.as_str().as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(rule: &StoredHeaders, names: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for name in names {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_static("v"));
        }
        let kept = rule.of(&headers);
        kept.map(|(name, _)| name.as_str().to_owned()).collect()
    }

    #[test]
    fn what_was_true_of_one_exchange_is_left_out() {
        // Fault 31.
        let rule = StoredHeaders::default();
        for list in [NEVER, OF_ONE_EXCHANGE] {
            for name in list {
                assert!(stored(&rule, &[name]).is_empty(), "{name}");
            }
        }
        let prefixed = [
            "RateLimit",
            "RateLimit-Policy",
            "RateLimit-Reset",
            "X-RateLimit-Limit",
            "x-rate-limit-reset",
            "X-B3-TraceId",
            "x-datadog-trace-id",
        ];
        assert!(stored(&rule, &prefixed).is_empty());
        let kept = [
            "cache-control",
            "content-encoding",
            "content-language",
            "content-type",
            "etag",
            "location",
            "retry-after",
            "trailer",
            "vary",
            "x-own",
        ];
        assert_eq!(stored(&rule, &kept), kept);
        assert_eq!(stored(&rule, &["link", "link"]), ["link", "link"]);
    }

    #[test]
    fn what_connection_names_is_left_out() {
        // Fault 31.
        let mut headers = HeaderMap::new();
        headers.append(CONNECTION, HeaderValue::from_static("close, X-Hop"));
        headers.append(
            CONNECTION,
            HeaderValue::from_bytes(b"\xff,\tx-other ").unwrap(),
        );
        for name in ["x-hop", "x-other", "x-ho", "x-hop-2"] {
            headers.append(name, HeaderValue::from_static("v"));
        }
        let rule = StoredHeaders::default();
        let kept: Vec<_> = rule.of(&headers).map(|(name, _)| name.as_str()).collect();
        assert_eq!(kept, ["x-ho", "x-hop-2"]);
    }

    #[test]
    fn a_list_of_ones_own_says_all_but_what_no_record_has() {
        let mut rule = StoredHeaders::default();
        rule.only([HeaderName::from_static("set-cookie"), CONNECTION]);
        let names = ["content-type", "set-cookie", "connection", "date"];
        assert_eq!(stored(&rule, &names), ["set-cookie"]);
        rule.only([]);
        assert!(stored(&rule, &names).is_empty());
    }

    #[test]
    fn a_name_more_can_be_left_out() {
        let mut rule = StoredHeaders::default();
        rule.omit(HeaderName::from_static("x-node"));
        rule.omit(HeaderName::from_static("etag"));
        assert_eq!(stored(&rule, &["x-node", "etag", "location"]), ["location"]);
    }
}
