//! What is kept of a response, and what a replay is.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body::Body as _;
use mainstay::context::Field;
use mainstay::http::{RecordResponse, ResultPolicy, Verdict};
use mainstay::idempotency::{Capture, Disposition, Tombstone};
use mainstay::{Executed, Kind, Rejection};
use tower::BoxError;

use super::kit::{
    Body, Reply, Step, TOO_LARGE, bytes, capture, data, drain, full, replay, streamed, trailers,
};

fn rule() -> RecordResponse {
    RecordResponse::default()
}

fn of(status: u16, body: Body) -> Response<Body> {
    Response::builder().status(status).body(body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_replay_has_the_status_the_headers_the_bytes_and_the_trailers() {
    // Faults 2 and 31.
    let binary: Vec<u8> = (0..=u8::MAX).rev().collect();
    let mut response = of(201, streamed([data(&binary), data("tail"), Step::Trailers]));
    let headers = response.headers_mut();
    headers.append("location", HeaderValue::from_static("/charges/1"));
    headers.append("link", HeaderValue::from_static("<a>, <b>"));
    headers.append("x-raw", HeaderValue::from_bytes(b"\xc3\x28").unwrap());
    headers.append("link", HeaderValue::from_static("<c>"));
    let sent = headers.clone();

    let (first, kept) = capture(&rule(), response).await;
    assert_eq!(first.headers(), &sent, "the first client's is untouched");
    let second = replay(&rule(), kept);
    assert_eq!(second.status(), StatusCode::CREATED);
    let mut replayed = second.headers().clone();
    assert_eq!(replayed.remove("idempotency-replayed").unwrap(), "true");
    assert_eq!(replayed, sent);
    assert!(replayed.get_all("link").iter().eq(["<a>, <b>", "<c>"]));
    let expected = [&binary[..], b"tail"].concat();
    for reply in [first, second] {
        let (body, after, error) = drain(reply.into_body()).await;
        assert_eq!((&*body, error), (&*expected, None));
        assert_eq!(after, Some(trailers("0")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_leaves_out_what_was_true_of_the_first_exchange() {
    // Fault 31.
    let gone = [
        ("set-cookie", "session=1"),
        ("date", "Sat, 21 Nov 2026 14:00:00 GMT"),
        ("connection", "close, x-hop"),
        ("x-hop", "1"),
        ("transfer-encoding", "chunked"),
        ("content-length", "999"),
        ("traceparent", "00-1"),
        ("x-request-id", "7"),
        ("ratelimit-remaining", "3"),
        ("idempotency-replayed", "upstream"),
    ];
    let mut response = of(200, full("abc"));
    for (name, value) in gone {
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
        .headers_mut()
        .append("etag", "\"1\"".parse().unwrap());
    let (first, kept) = capture(&rule(), response).await;
    assert_eq!(first.headers()["set-cookie"], "session=1");
    assert_eq!(first.headers()["idempotency-replayed"], "upstream");
    let second = replay(&rule(), kept);
    assert_eq!(second.headers().len(), 2, "{:?}", second.headers());
    assert_eq!(second.headers()["etag"], "\"1\"");
    assert_eq!(second.headers()["idempotency-replayed"], "true");
    assert_eq!(second.body().size_hint().exact(), Some(3), "for the length");
}

#[tokio::test(start_paused = true)]
async fn stored_headers_and_the_mark_are_for_the_owner_to_say() {
    let response = || {
        let response = Response::builder()
            .header("etag", "1")
            .header("x-node", "2");
        response.header("set-cookie", "3").body(full("")).unwrap()
    };
    let names = |reply: Reply| {
        let names = reply.headers().keys().map(ToString::to_string);
        names.collect::<Vec<_>>()
    };
    let name = HeaderName::from_static;
    let field = Field::new("x-again").unwrap();
    let omitting = rule().omit_header(name("x-node")).replayed_header(field);
    let (_, kept) = capture(&omitting, response()).await;
    assert_eq!(names(replay(&omitting, kept)), ["etag", "x-again"]);
    let only = rule().only_headers([name("set-cookie"), name("x-absent")]);
    let (_, kept) = capture(&only, response()).await;
    assert_eq!(
        names(replay(&only, kept)),
        ["set-cookie", "idempotency-replayed"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_response_without_a_body_is_kept_without_one() {
    for status in [204, 304] {
        let (first, kept) = capture(&rule(), of(status, streamed([Step::Panic]))).await;
        drop(first);
        let second = replay(&rule(), kept);
        assert_eq!(second.status(), status);
        assert!(second.body().is_end_stream());
    }
    let (_, kept) = capture(&rule(), of(200, full(""))).await;
    assert!(replay(&rule(), kept).body().is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn a_record_is_as_large_as_it_may_be_and_no_larger() {
    // Fault 21.
    for steps in [
        vec![data("0123456789")],
        vec![data("01234"), data("56789"), Step::Trailers],
    ] {
        let response = || of(200, streamed(steps.clone()));
        let (_, kept) = capture(&rule(), response()).await;
        let Disposition::Keep(record) = kept else {
            panic!("{kept:?}");
        };
        for (max, fits) in [
            (0, false),
            (1, false),
            (record.len() - 1, false),
            (record.len(), true),
            (record.len() + 1, true),
            (usize::MAX, true),
        ] {
            let (reply, kept) = capture(&rule().record_max(max), response()).await;
            let expected = if fits {
                Disposition::Keep(record.clone())
            } else {
                TOO_LARGE
            };
            assert_eq!(kept, expected, "{max} for {}", record.len());
            let (body, after, error) = drain(reply.into_body()).await;
            assert_eq!(
                (&*body, error),
                (&b"0123456789"[..], None),
                "whole at {max}"
            );
            assert_eq!(after.is_some(), steps.len() == 3);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn headers_count_and_a_head_that_fills_the_record_alone_is_too_large() {
    let response = Response::builder().header("x-long", "v".repeat(200));
    let response = response.body(full("body")).unwrap();
    let (reply, kept) = capture(&rule().record_max(150), response).await;
    assert_eq!(kept, TOO_LARGE);
    assert_eq!(bytes(reply.into_body()).await, "body");
}

#[tokio::test(start_paused = true)]
async fn no_store_is_said_to_caches_and_the_response_is_kept() {
    // Fault 26.
    let mut response = of(200, full("abc"));
    let value = HeaderValue::from_static("no-store");
    response.headers_mut().append("cache-control", value);
    let (_, kept) = capture(&rule(), response).await;
    assert_eq!(replay(&rule(), kept).headers()["cache-control"], "no-store");
}

fn label(disposition: &Disposition) -> &'static str {
    match disposition {
        Disposition::Keep(_) => "keep",
        Disposition::Release => "release",
        Disposition::Unknown => "unknown",
        Disposition::Tombstone(reason) => reason.label(),
    }
}

#[tokio::test(start_paused = true)]
async fn each_preset_disposes_of_statuses_and_errors() {
    // Fault 25.
    let presets = [
        (ResultPolicy::at_most_once(), "keep", "unrecordable"),
        (ResultPolicy::at_least_once(), "release", "release"),
        (
            ResultPolicy::default().unknown_on_server_error(),
            "unknown",
            "unknown",
        ),
    ];
    for (policy, on_500, on_error) in presets {
        let rule = RecordResponse::new(policy);
        for (status, expected) in [
            (200, "keep"),
            (302, "keep"),
            (400, "keep"),
            (404, "keep"),
            (408, "release"),
            (409, "release"),
            (422, "keep"),
            (425, "release"),
            (429, "release"),
            (500, on_500),
            (502, on_500),
            (503, "release"),
            (504, on_500),
        ] {
            let (reply, kept) = capture(&rule, of(status, full("said"))).await;
            assert_eq!(label(&kept), expected, "{status}");
            assert_eq!(
                (reply.status().as_u16(), bytes(reply.into_body()).await),
                (status, "said".into())
            );
        }
        let of_error = async |error: BoxError| {
            let (result, kept) = Capture::<Response<Body>, _>::capture(&rule, Err(error)).await;
            assert!(result.is_err());
            label(&kept)
        };
        assert_eq!(of_error("broken".into()).await, on_error);
        for (kind, executed, expected) in [
            (Kind::CircuitOpen, Executed::No, "release"),
            (Kind::BulkheadFull, Executed::No, "release"),
            (Kind::Timeout, Executed::Unknown, "unknown"),
            (Kind::ResultUnavailable, Executed::Yes, "unrecordable"),
        ] {
            let refusal = Rejection::new(kind, executed, "inner".into());
            assert_eq!(of_error(refusal.into()).await, expected, "{kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_handler_says_counts_and_does_not_go_out() {
    // Fault 27.
    for (verdict, status, expected) in [
        (Verdict::Keep, 503, "keep"),
        (Verdict::Release, 200, "release"),
        (Verdict::Tombstone, 200, "by_handler"),
        (Verdict::Unknown, 200, "unknown"),
    ] {
        let mut response = of(status, full("said"));
        response.extensions_mut().insert(verdict);
        response.extensions_mut().insert("kept");
        let (reply, kept) = capture(&rule(), response).await;
        assert_eq!(label(&kept), expected);
        assert_eq!(reply.extensions().get::<Verdict>(), None);
        assert_eq!(reply.extensions().get(), Some(&"kept"));
        assert_eq!(bytes(reply.into_body()).await, "said");
    }
    let mut response = of(200, full("said"));
    response.extensions_mut().insert(Verdict::Release);
    let passed: Reply = Capture::<_, BoxError>::pass(&rule(), response);
    assert_eq!(
        passed.extensions().get::<Verdict>(),
        None,
        "nor without a key"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_kept_is_not_read() {
    for verdict in [Verdict::Release, Verdict::Tombstone, Verdict::Unknown] {
        let mut response = of(200, streamed([Step::Panic]));
        response.extensions_mut().insert(verdict);
        capture(&rule(), response).await;
    }
    let passed: Reply = Capture::<_, BoxError>::pass(&rule(), of(200, streamed([Step::Panic])));
    assert!(!passed.body().is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_said_to_be_one() {
    // Fault 35.
    let (_, kept) = capture(&rule(), of(200, full("abc"))).await;
    let Disposition::Keep(record) = kept else {
        panic!("{kept:?}");
    };
    let read = |record: Vec<u8>| {
        let replayed: Result<Reply, _> = Capture::<_, BoxError>::replay(&rule(), record.into());
        replayed.is_ok()
    };
    assert!(read(record.to_vec()));
    let mut newer = record.to_vec();
    newer[0] = 2;
    assert!(!read(newer));
    assert!(!read(record[..record.len() - 1].to_vec()));
    assert!(!read(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_was_made_without_a_claim_says_so() {
    let reply: Reply = Capture::<_, BoxError>::pass(&rule(), of(200, full("abc")));
    let marked: Reply = Capture::<Response<Body>, BoxError>::bypassed(&rule(), reply);
    assert_eq!(marked.headers()["idempotency-status"], "bypassed");
    assert_eq!(bytes(marked.into_body()).await, "abc");
}

#[tokio::test(start_paused = true)]
async fn a_tombstone_of_the_handler_is_one_whatever_the_size() {
    let mut response = of(200, full(Bytes::from(vec![0; 2 * 1024 * 1024])));
    response.extensions_mut().insert(Verdict::Tombstone);
    let (reply, kept) = capture(&rule(), response).await;
    assert_eq!(kept, Disposition::Tombstone(Tombstone::ByHandler));
    assert_eq!(bytes(reply.into_body()).await.len(), 2 * 1024 * 1024);
}
