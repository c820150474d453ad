//! What is kept of a reply of gRPC.

use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use mainstay::grpc::{Code, ResultPolicy};
use mainstay::http::{RecordResponse, Verdict};
use mainstay::idempotency::{Capture, Disposition};
use tower::BoxError;

use super::kit::{Body, Reply, STREAMING, Step, capture, data, drain, streamed, trailers};

fn rule() -> RecordResponse<ResultPolicy> {
    RecordResponse::new(ResultPolicy::default())
}

const MESSAGE: &[u8] = b"\0\0\0\0\x02\x08\x01";

/// A reply with a message and then this status.
fn reply(status: &'static str) -> Response<Body> {
    let end = Ok(Frame::trailers(trailers(status)));
    let frames = [Ok(Frame::data(MESSAGE.into())), end];
    Response::new(http_body_util::StreamBody::new(futures::stream::iter(frames)).boxed_unsync())
}

fn status_in_head(status: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let value = HeaderValue::from_static(status);
    response.headers_mut().append("grpc-status", value);
    response
}

fn read(kept: Disposition) -> Reply {
    let Disposition::Keep(record) = kept else {
        panic!("nothing was kept: {kept:?}");
    };
    Capture::<Response<Body>, BoxError>::replay(&rule(), record).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_replay_has_the_message_and_the_status_after_it() {
    // Faults 31 and 32.
    let (first, kept) = capture(&rule(), reply("0")).await;
    let second = read(kept);
    assert_eq!(second.headers()["idempotency-replayed"], "true");
    assert_eq!(second.body().size_hint().exact(), None, "trailers follow");
    for reply in [first, second] {
        let (bytes, after, error) = drain(reply.into_body()).await;
        assert_eq!((&*bytes, error), (MESSAGE, None));
        assert_eq!(after, Some(trailers("0")));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_trailers_is_one_and_so_is_one_in_the_head() {
    // Fault 32.
    for (status, expected) in [
        ("1", Disposition::Unknown),
        ("2", Disposition::Unknown),
        ("4", Disposition::Unknown),
        ("8", Disposition::Release),
        ("10", Disposition::Release),
        ("14", Disposition::Unknown),
        ("99", Disposition::Unknown),
    ] {
        let (first, kept) = capture(&rule(), reply(status)).await;
        assert_eq!(kept, expected, "{status} in the trailers");
        let (bytes, after, _) = drain(first.into_body()).await;
        assert_eq!((&*bytes, after), (MESSAGE, Some(trailers(status))));
        let head = status_in_head(status, streamed([Step::Panic]));
        let (_, kept) = capture(&rule(), head).await;
        assert_eq!(kept, expected, "{status} in the head");
    }
    let (_, kept) = capture(&rule(), reply("5")).await;
    assert_eq!(drain(read(kept).into_body()).await.1, Some(trailers("5")));
    let (_, kept) = capture(&rule(), status_in_head("9", streamed([]))).await;
    let replayed = read(kept);
    assert_eq!(replayed.headers()["grpc-status"], "9");
    assert!(replayed.body().is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn a_reply_without_a_status_is_unknown() {
    // Fault 32.
    let (_, kept) = capture(&rule(), Response::new(streamed([data(MESSAGE)]))).await;
    assert_eq!(kept, Disposition::Unknown);
    let (_, kept) = capture(
        &rule(),
        Response::new(streamed([data(MESSAGE), Step::Fail])),
    )
    .await;
    assert_eq!(kept, Disposition::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_replies_leaves_a_tombstone_and_passes() {
    // Fault 22.
    let steps = [
        data(MESSAGE),
        Step::Wait(std::time::Duration::from_secs(5)),
        data(MESSAGE),
        Step::Trailers,
    ];
    let (first, kept) = capture(&rule(), Response::new(streamed(steps))).await;
    assert_eq!(kept, STREAMING);
    let (bytes, after, _) = drain(first.into_body()).await;
    assert_eq!(
        (&*bytes, after),
        (&*[MESSAGE, MESSAGE].concat(), Some(trailers("0")))
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_handler_says_goes_before_the_status() {
    // Fault 27.
    let mut said = reply("0");
    said.extensions_mut().insert(Verdict::Release);
    assert_eq!(capture(&rule(), said).await.1, Disposition::Release);
    let mut said = reply("14");
    said.extensions_mut().insert(Verdict::Keep);
    let (_, kept) = capture(&rule(), said).await;
    assert_eq!(drain(read(kept).into_body()).await.1, Some(trailers("14")));
    let policy = ResultPolicy::at_least_once().code(Code::NotFound, Verdict::Release);
    let (_, kept) = capture(&RecordResponse::new(policy), reply("5")).await;
    assert_eq!(kept, Disposition::Release);
}

#[tokio::test(start_paused = true)]
async fn trailers_without_any_field_are_no_status() {
    let frames = [
        Ok(Frame::data(MESSAGE.into())),
        Ok(Frame::trailers(HeaderMap::new())),
    ];
    let body = http_body_util::StreamBody::new(futures::stream::iter(frames)).boxed_unsync();
    assert_eq!(
        capture(&rule(), Response::new(body)).await.1,
        Disposition::Unknown
    );
}
