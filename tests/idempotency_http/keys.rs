//! Which key a request has.

use http::{HeaderValue, Method, Request};
use mainstay::Kind;
use mainstay::context::Field;
use mainstay::http::KeyHeader;
use mainstay::idempotency::ClientKey;

use super::kit::{Body, full, key};

fn with(method: Method, path: &str, keys: &[&[u8]]) -> Request<Body> {
    let mut request = Request::new(full(""));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    for key in keys {
        let value = HeaderValue::from_bytes(key).unwrap();
        request.headers_mut().append("idempotency-key", value);
    }
    request
}

fn post(keys: &[&[u8]]) -> Request<Body> {
    with(Method::POST, "/charges", keys)
}

fn found(rule: &KeyHeader, request: &Request<Body>) -> ClientKey {
    key(rule, request).unwrap().expect("a key")
}

#[test]
fn in_quotes_and_bare_it_is_one_key_and_case_counts() {
    // Fault 29.
    let rule = KeyHeader::new();
    let bare = found(&rule, &post(&[b"k"]));
    assert_eq!(bare, ClientKey::of(b"k"));
    assert_eq!(found(&rule, &post(&[b"\"k\""])), bare);
    assert_eq!(found(&rule, &post(&[b"\"k\";a=1"])), bare);
    assert_ne!(found(&rule, &post(&[b"K"])), bare);
}

#[test]
fn what_is_no_key_is_malformed_and_is_not_repeated() {
    // Faults 29 and 43.
    let long = [b'k'; 256];
    let cases: &[&[&[u8]]] = &[
        &[b""],
        &[&long],
        &[b"\"a\tb\""],
        &[b"k\xff"],
        &["clé".as_bytes()],
        &[b"secret", b"secret"],
        &[b"secret,secret"],
        &[b"\"secret"],
        &[b"secret\""],
        &[b"\"\""],
    ];
    for case in cases {
        let unfit = key(&KeyHeader::new(), &post(case)).unwrap_err();
        assert_eq!(unfit.kind(), Kind::KeyMalformed, "{case:?}");
        let said = format!("{unfit:?}");
        assert!(!said.contains("secret"), "{said}");
    }
    let longest = [b'k'; 255];
    assert!(
        key(&KeyHeader::new(), &post(&[&longest]))
            .unwrap()
            .is_some()
    );
}

#[test]
fn without_a_key_a_request_passes_unless_it_must_have_one() {
    assert_eq!(key(&KeyHeader::new(), &post(&[])).unwrap(), None);
    let unfit = key(&KeyHeader::new().required(), &post(&[])).unwrap_err();
    assert_eq!(unfit.kind(), Kind::KeyMissing);
    assert!(
        key(&KeyHeader::new().required(), &post(&[b"k"]))
            .unwrap()
            .is_some()
    );
}

#[test]
fn other_methods_pass_whatever_their_headers_say() {
    // Fault 30.
    let rule = KeyHeader::new().required();
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
        let several: [&[&[u8]]; 3] = [&[], &[b"k"], &[b"\"", b"k"]];
        for keys in several {
            let request = with(method.clone(), "/", keys);
            assert_eq!(key(&rule, &request).unwrap(), None, "{method}");
        }
    }
    assert!(
        key(&rule, &with(Method::PATCH, "/", &[b"k"]))
            .unwrap()
            .is_some()
    );
    let put = KeyHeader::new().methods([Method::PUT]);
    assert!(
        key(&put, &with(Method::PUT, "/", &[b"k"]))
            .unwrap()
            .is_some()
    );
    assert_eq!(key(&put, &post(&[b"k"])).unwrap(), None);
    let none = KeyHeader::new().methods([]).required();
    assert_eq!(key(&none, &post(&[])).unwrap(), None);
}

#[test]
fn another_header_can_hold_the_key() {
    let field = Field::new("x-request-key").unwrap();
    let rule = KeyHeader::new().field(field);
    let mut request = post(&[b"k"]);
    assert_eq!(key(&rule, &request).unwrap(), None);
    let value = HeaderValue::from_static("\"k\"");
    request.headers_mut().append("X-Request-Key", value);
    assert_eq!(found(&rule, &request), ClientKey::of(b"k"));
}

#[test]
fn a_key_is_of_the_caller_and_where_it_is_said_of_the_route() {
    let (caller, route) = (KeyHeader::new(), KeyHeader::new().per_route());
    let there = with(Method::POST, "/refunds", &[b"k"]);
    let patch = with(Method::PATCH, "/charges", &[b"k"]);
    let queried = with(Method::POST, "/charges?page=2", &[b"k"]);
    let here = post(&[b"k"]);
    for other in [&there, &patch, &queried] {
        assert_eq!(found(&caller, &here), found(&caller, other));
    }
    assert_ne!(found(&route, &here), found(&route, &there));
    assert_ne!(found(&route, &here), found(&route, &patch));
    assert_eq!(
        found(&route, &here),
        found(&route, &queried),
        "a query is no route"
    );
    // No boundary between key, method and path can be moved (fault 28).
    let longer = with(Method::POST, "/charges", &[b"kPOST"]);
    let odd = with(Method::POST, "/POST/charges", &[b"k"]);
    assert_ne!(found(&route, &longer), found(&route, &odd));
}
