//! What is read of a request.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::Body as _;
use mainstay::Kind;
use mainstay::http::{KeyHeader, ReadBody, RecordResponse};
use mainstay::idempotency::{Capture, Fingerprint, Prepare, Unfit};
use tower::BoxError;

use super::kit::{
    Body, Reply, Step, bytes, data, drain, full, key, request, streamed, trailers, unread,
};

async fn read(
    rule: &KeyHeader,
    request: Request<Body>,
) -> Result<(Request<ReadBody<Body>>, Fingerprint), Unfit> {
    rule.fingerprint(request).await
}

async fn print(request: Request<Body>) -> Fingerprint {
    read(&KeyHeader::new(), request).await.unwrap().1
}

fn unfit<T>(result: Result<T, Unfit>) -> Kind {
    result.err().expect("a refusal").kind()
}

#[tokio::test(start_paused = true)]
async fn what_was_read_reaches_the_handler_as_it_was_sent() {
    let mut sent = request(streamed([data("ab"), data(""), data("cd"), Step::Trailers]));
    sent.headers_mut().append("x-own", "1".parse().unwrap());
    sent.extensions_mut().insert("kept");
    let (inner, _) = read(&KeyHeader::new(), sent).await.unwrap();
    assert_eq!(inner.uri(), "/charges?a=1");
    assert_eq!(inner.headers()["x-own"], "1");
    assert_eq!(inner.extensions().get(), Some(&"kept"));
    let (bytes, after, error) = drain(inner.into_body()).await;
    assert_eq!(
        (&*bytes, after, error),
        (&b"abcd"[..], Some(trailers("0")), None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_read_knows_its_length() {
    let (inner, _) = read(&KeyHeader::new(), request(streamed([data("abc")])))
        .await
        .unwrap();
    assert_eq!(inner.body().size_hint().exact(), Some(3));
    let (inner, _) = read(
        &KeyHeader::new(),
        request(streamed([data("abc"), Step::Trailers])),
    )
    .await
    .unwrap();
    let hint = inner.body().size_hint();
    assert_eq!(
        (hint.lower(), hint.exact()),
        (3, None),
        "trailers need chunks"
    );
    let (inner, _) = read(&KeyHeader::new(), request(full(""))).await.unwrap();
    assert!(inner.body().is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_key_is_not_read() {
    let body = streamed([Step::Panic]);
    let inner: Request<ReadBody<Body>> = KeyHeader::new().pass(request(body));
    assert!(!inner.body().is_end_stream());
    let inner: Request<ReadBody<Body>> = KeyHeader::new().pass(request(full("abc")));
    assert_eq!(inner.body().size_hint().exact(), Some(3));
    assert_eq!(bytes(inner.into_body()).await, "abc");
}

#[tokio::test(start_paused = true)]
async fn equal_requests_have_one_fingerprint_however_their_bodies_are_cut() {
    // Fault 5.
    let whole = print(request(full("abcd"))).await;
    assert_eq!(
        print(request(streamed([data("ab"), data("cd")]))).await,
        whole
    );
    let single = b"abcd".map(|byte| data([byte]));
    assert_eq!(print(request(streamed(single))).await, whole);
    let mut changed = request(full("abcd"));
    for (name, value) in [
        ("traceparent", "00-1"),
        ("authorization", "x"),
        ("date", "now"),
    ] {
        changed.headers_mut().append(name, value.parse().unwrap());
    }
    assert_eq!(print(changed).await, whole, "other headers say nothing");
}

#[tokio::test(start_paused = true)]
async fn each_part_of_a_request_tells_it_from_others() {
    // Faults 5 and 6: what the engine compares.
    let requests = || {
        let of = |method: &str, target: &str, kinds: &[&str], body: &str| {
            let mut request = Request::builder().method(method).uri(target);
            for kind in kinds {
                request = request.header("content-type", *kind);
            }
            request.body(full(body)).unwrap()
        };
        [
            of("POST", "/a", &[], "x"),
            of("PATCH", "/a", &[], "x"),
            of("POST", "/b", &[], "x"),
            of("POST", "/a?", &[], "x"),
            of("POST", "/a?b", &[], "x"),
            of("POST", "/a", &["text/plain"], "x"),
            of("POST", "/a", &["text/html"], "x"),
            of("POST", "/a", &["text/plain", "x"], "x"),
            of("POST", "/a", &["x"], ""),
            of("POST", "/a", &[], "y"),
            of("POST", "/a", &[], ""),
            of("POST", "/ax", &[], ""),
        ]
    };
    let mut prints = Vec::new();
    for request in requests() {
        prints.push(print(request).await);
    }
    for (at, one) in prints.iter().enumerate() {
        for other in &prints[..at] {
            assert_ne!(one, other, "number {at} is equal to one before");
        }
    }
    for (request, before) in requests().into_iter().zip(prints) {
        assert_eq!(print(request).await, before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_cap_is_refused_at_each_edge() {
    // Fault 24.
    for cap in [0, 1, 5] {
        let rule = KeyHeader::new().body_max(cap);
        for (len, fits) in [(0, true), (cap, true), (cap + 1, false), (cap + 100, false)] {
            let text = "x".repeat(len);
            let single = text.bytes().map(|byte| data([byte]));
            for body in [full(&text), streamed([data(&text)]), streamed(single)] {
                match read(&rule, request(body)).await {
                    Ok((inner, _)) => {
                        assert!(fits, "{len} of {cap}");
                        assert_eq!(bytes(inner.into_body()).await, text);
                    }
                    refused => assert_eq!((unfit(refused), fits), (Kind::BodyTooLarge, false)),
                }
            }
        }
    }
    let all = KeyHeader::new().body_max(usize::MAX);
    assert!(read(&all, request(full("x"))).await.is_ok());
    let mebibyte = vec![0; 1024 * 1024];
    assert!(
        read(&KeyHeader::new(), request(full(&mebibyte)))
            .await
            .is_ok()
    );
    let more = [&mebibyte[..], b"x"].concat();
    let refused = read(&KeyHeader::new(), request(full(more))).await;
    assert_eq!(unfit(refused), Kind::BodyTooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_cap_is_not_read_further_nor_at_all_where_it_says_its_length() {
    // Fault 24.
    let rule = KeyHeader::new().body_max(3);
    let body = streamed([data("ab"), data("cd"), Step::Panic]);
    assert_eq!(unfit(read(&rule, request(body)).await), Kind::BodyTooLarge);

    let refused = read(&rule, request(unread(4))).await;
    assert_eq!(unfit(refused), Kind::BodyTooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_refused_with_its_cause() {
    // Fault 24.
    let body = streamed([data("ab"), Step::Fail]);
    let refused = read(&KeyHeader::new(), request(body)).await.err().unwrap();
    assert_eq!(refused.kind(), Kind::BodyFailed);
    assert!(format!("{refused:?}").contains("Broken"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_in_many_pieces_takes_the_room_of_its_bytes() {
    let pieces = (0..100_000).map(|_| data("x"));
    let (inner, _) = read(&KeyHeader::new(), request(streamed(pieces)))
        .await
        .unwrap();
    assert_eq!(
        format!("{:?}", inner.body()),
        r#"ReadBody { read: 100000, rest: "ended" }"#
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_of_its_own_is_at_hand_for_an_answer() {
    let answer = ReadBody::<Body>::from(Bytes::from_static(b"no"));
    assert_eq!(answer.size_hint().exact(), Some(2));
    assert_eq!(
        drain(answer).await,
        (Bytes::from_static(b"no"), None::<HeaderMap>, None)
    );
    assert!(ReadBody::<Body>::default().is_end_stream());
}

#[test]
fn a_request_without_a_key_allocates_nothing_on_its_way() {
    let (rule, record) = (KeyHeader::new(), RecordResponse::default());
    let (sent, answer) = (request(full("abc")), http::Response::new(full("abc")));
    let measured = allocation_counter::measure(|| {
        assert_eq!(key(&rule, &sent).unwrap(), None);
        let inner: Request<ReadBody<Body>> = rule.pass(sent);
        let reply: Reply = Capture::<_, BoxError>::pass(&record, answer);
        std::mem::forget((inner, reply));
    });
    assert_eq!(measured.count_total, 0);
}
