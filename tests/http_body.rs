//! Request bodies that are recorded as they stream, one reader after another.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body, Frame};
use http_body_util::{Empty, Full, StreamBody};
use mainstay::http::{BodyLost, RecordBody, ReplayBody, ReplayBodyLayer, SafeMethods};
use mainstay::retry::Replay;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

type Item = Result<Frame<Bytes>, io::Error>;

#[derive(Debug, PartialEq)]
enum Seen {
    Data(Bytes),
    Trailers(HeaderMap),
    Error(String),
    Lost,
}

#[expect(clippy::unnecessary_wraps, reason = "an item of a stream")]
fn data(text: &'static str) -> Item {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

fn trailers() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.append("digest", "one".parse().unwrap());
    trailers.append("digest", "two".parse().unwrap());
    trailers
}

/// A body of unknown length, as a stream of uploads is.
fn stream(items: Vec<Item>) -> impl Body<Data = Bytes, Error = io::Error> + Unpin + Send {
    StreamBody::new(futures::stream::iter(items))
}

fn record<B>(body: B, cap: usize) -> Request<ReplayBody<B>>
where
    B: Body + Unpin + Send + 'static,
{
    ReplayBody::record(Request::new(body), cap)
}

fn next<B>(request: &mut Request<B>) -> Option<Seen>
where
    B: Body<Data = Bytes, Error = BoxError> + Unpin,
{
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(frame) = Pin::new(request.body_mut()).poll_frame(&mut cx) else {
        panic!("no body here is ever pending");
    };
    Some(match frame? {
        Ok(frame) => match frame.into_data() {
            Ok(data) => Seen::Data(data),
            Err(frame) => Seen::Trailers(frame.into_trailers().unwrap()),
        },
        Err(error) if error.is::<BodyLost>() => Seen::Lost,
        Err(error) => Seen::Error(error.downcast::<io::Error>().unwrap().to_string()),
    })
}

/// All that is left, up to an error.
fn read<B>(request: &mut Request<B>) -> Vec<Seen>
where
    B: Body<Data = Bytes, Error = BoxError> + Unpin,
{
    let mut all = Vec::new();
    while let Some(seen) = next(request) {
        let over = matches!(seen, Seen::Error(_) | Seen::Lost);
        all.push(seen);
        if over {
            break;
        }
    }
    all
}

fn copy<B: Clone>(request: &Request<B>) -> Request<B> {
    SafeMethods::default().copy(request).expect("can be copied")
}

fn is_intact<B: Clone>(request: &Request<B>) -> bool {
    SafeMethods::default().is_intact(request)
}

fn whole() -> Vec<Item> {
    vec![
        data("a"),
        data("bcd"),
        data("ef"),
        Ok(Frame::trailers(trailers())),
    ]
}

fn seen(items: Vec<Item>) -> Vec<Seen> {
    let seen = |item: Item| match item.unwrap().into_data() {
        Ok(data) => Seen::Data(data),
        Err(frame) => Seen::Trailers(frame.into_trailers().unwrap()),
    };
    items.into_iter().map(seen).collect()
}

#[test]
fn a_copy_gives_the_same_frames_wherever_the_attempt_before_it_stopped() {
    for cut in 0..=whole().len() + 1 {
        let mut first = record(stream(whole()), 1024);
        let mut second = copy(&first);
        for _ in 0..cut {
            next(&mut first);
        }
        drop(first);
        assert!(is_intact(&second));
        let mut third = copy(&second);
        assert_eq!(read(&mut second), seen(whole()), "cut at {cut}");
        assert!(second.body().is_end_stream());
        assert_eq!(next(&mut second), None, "the end stays the end");
        drop(second);
        assert_eq!(read(&mut third), seen(whole()), "cut at {cut}");
    }
}

#[test]
fn the_request_streams_whole_at_any_cap_and_is_repeatable_up_to_the_cap() {
    let size = "abcdef".len() + 2 * "digest".len() + "onetwo".len();
    for cap in [0, 1, 5, 6, 7, size - 1, size, size + 1, usize::MAX] {
        let mut first = record(stream(whole()), cap);
        let mut second = copy(&first);
        assert_eq!(read(&mut first), seen(whole()), "cap {cap}");
        assert_eq!(next(&mut first), None, "the end stays the end");
        assert_eq!(is_intact(&second), cap >= size, "cap {cap}");
        if cap >= size {
            assert_eq!(read(&mut second), seen(whole()));
        } else {
            assert!(!second.body().is_end_stream());
            assert_eq!(second.body().size_hint().upper(), None, "not an empty body");
            assert_eq!(next(&mut second), Some(Seen::Lost));
            assert_eq!(next(&mut second), Some(Seen::Lost), "and no end after it");
            assert_eq!(next(&mut second.clone()), Some(Seen::Lost));
        }
    }
}

#[test]
fn a_body_known_to_be_too_large_is_not_recorded_and_goes_through_whole() {
    for (cap, fits) in [(0, false), (5, false), (6, true), (7, true)] {
        let mut known = record(Full::new(Bytes::from_static(b"abcdef")), cap);
        assert_eq!(SafeMethods::default().copy(&known).is_some(), fits);
        assert_eq!(known.body().size_hint().exact(), Some(6));
        assert_eq!(read(&mut known), seen(vec![data("abcdef")]));

        let declared = Request::builder()
            .header("content-length", "6")
            .body(stream(vec![data("abcdef")]));
        let mut declared = ReplayBody::record(declared.unwrap(), cap);
        assert_eq!(SafeMethods::default().copy(&declared).is_some(), fits);
        let mut unrecorded = declared.clone();
        assert_eq!(read(&mut declared), seen(vec![data("abcdef")]));
        let expected = if fits { data("abcdef").ok() } else { None };
        let expected = expected.map_or(Seen::Lost, |frame| Seen::Data(frame.into_data().unwrap()));
        assert_eq!(next(&mut unrecorded), Some(expected));
    }
}

#[test]
fn a_request_without_a_body_is_repeatable_and_carries_nothing() {
    for cap in [0, 1, usize::MAX] {
        let mut first = record(Empty::<Bytes>::new(), cap);
        assert!(first.extensions().is_empty());
        let mut second = copy(&first);
        assert!(is_intact(&second));
        for request in [&mut first, &mut second] {
            assert!(request.body().is_end_stream());
            assert_eq!(request.body().size_hint().exact(), Some(0));
            assert_eq!(next(request), None);
        }
    }
    let twice = record(stream(whole()), 1024).map(|_| Empty::<Bytes>::new());
    let twice = ReplayBody::record(twice, 0);
    assert!(is_intact(&twice), "what the body before it said is gone");
}

#[test]
fn an_error_reaches_its_reader_untouched_and_no_copy_ends_as_if_whole() {
    for cut in 0..3 {
        let mut items: Vec<Item> = whole().into_iter().take(cut).collect();
        items.push(Err(io::Error::other("cut off")));
        let mut first = record(stream(items), 1024);
        let mut second = copy(&first);
        let last = read(&mut first).pop();
        assert_eq!(last, Some(Seen::Error("cut off".into())));
        assert_eq!(next(&mut first), Some(Seen::Lost));
        assert!(!is_intact(&second) && !second.body().is_end_stream());
        assert_eq!(next(&mut second), Some(Seen::Lost));
    }
}

#[test]
fn the_hint_tells_what_is_left_of_the_recording_and_of_the_rest() {
    let known = http_body_util::BodyExt::with_trailers(
        Full::new(Bytes::from_static(b"abcdef")),
        std::future::ready(Some(Ok(trailers()))),
    );
    let mut first = record(Box::pin(known), 1024);
    let mut second = copy(&first);
    assert_eq!(first.body().size_hint().exact(), Some(6));
    next(&mut first);
    assert_eq!(first.body().size_hint().exact(), Some(0));
    assert!(!first.body().is_end_stream(), "trailers follow");
    assert_eq!(second.body().size_hint().exact(), Some(6));
    drop(first);
    next(&mut second);
    assert_eq!(second.body().size_hint().exact(), Some(0));
    assert_eq!(read(&mut second), [Seen::Trailers(trailers())]);
    assert!(second.body().is_end_stream());

    let mut first = record(stream(whole()), 1024);
    let mut second = copy(&first);
    next(&mut first);
    next(&mut first);
    drop(first);
    for left in [4, 3, 0, 0] {
        let hint = second.body().size_hint();
        assert_eq!((hint.lower(), hint.upper()), (left, None));
        next(&mut second);
    }
}

#[test]
fn a_body_of_tiny_frames_has_a_bound_too_and_empty_ones_are_not_kept() {
    for (count, fits) in [(1023, true), (1024, true), (1025, false)] {
        let mut first = record(stream((0..count).map(|_| data("x")).collect()), 1 << 20);
        let second = copy(&first);
        assert_eq!(read(&mut first).len(), count);
        assert_eq!(is_intact(&second), fits, "{count}");
    }
    let mut items: Vec<Item> = (0..5000).map(|_| data("")).collect();
    items.push(data("x"));
    let mut first = record(stream(items), 1);
    let mut second = copy(&first);
    assert_eq!(read(&mut first).len(), 5001, "passed on as they came");
    assert_eq!(read(&mut second), seen(vec![data("x")]));
}

#[tokio::test]
async fn the_layer_makes_the_bodies_of_requests_repeatable_up_to_64_kib() {
    let inner = tower::service_fn(|request: Request<ReplayBody<Full<Bytes>>>| async move {
        Ok::<_, BoxError>(SafeMethods::default().copy(&request).is_some())
    });
    let edge = 64 * 1024;
    for (layer, cap) in [
        (ReplayBodyLayer::new(), edge),
        (ReplayBodyLayer::new().cap(1), 1),
    ] {
        let mut service = ServiceBuilder::new().layer(layer).service(inner);
        for (size, fits) in [(0, true), (cap, true), (cap + 1, false)] {
            let request = Request::new(Full::from(vec![0; size]));
            let repeatable = service.ready().await.unwrap().call(request).await.unwrap();
            assert_eq!(repeatable, fits, "{size} of {cap}");
        }
    }
}

#[test]
fn a_hyper_client_and_axum_take_recorded_bodies() {
    use hyper_util::client::legacy::{Client, connect::HttpConnector};

    fn is_service<S: Service<Request<Full<Bytes>>>>() {}
    type Body = ReplayBody<Full<Bytes>>;
    is_service::<RecordBody<Client<HttpConnector, Body>>>();

    let recorded = record(axum::body::Body::from("abc"), 3).into_body();
    let _: axum::body::Body = axum::body::Body::new(recorded);
}
