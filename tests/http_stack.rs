//! The patterns set up for HTTP, over services that answer with statuses.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use mainstay::breaker::{BreakerConfig, BreakerLayer};
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::http::{
    AttemptHeader, Extensions, ReplayBody, ReplayBodyLayer, RespondLayer, UntilBodyEnd,
};
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::{Attempt, Deadline, Error, error};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

type Upload =
    StreamBody<futures::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

/// What an upstream was sent.
#[derive(Debug, PartialEq)]
struct Sent {
    attempt: Option<String>,
    body: Bytes,
}

/// Answers from a script; on a 503 after the first frame of the body, else after all of it.
#[derive(Clone, Default)]
struct Upstream {
    answers: Arc<Mutex<VecDeque<(StatusCode, &'static str)>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Upstream {
    fn of<const N: usize>(answers: [(StatusCode, &'static str); N]) -> Self {
        let upstream = Self::default();
        upstream.answers.lock().unwrap().extend(answers);
        upstream
    }

    async fn answer(
        self,
        request: Request<ReplayBody<Upload>>,
    ) -> Result<Response<()>, Infallible> {
        assert!(request.extensions().get::<Attempt>().is_some());
        let answer = self.answers.lock().unwrap().pop_front();
        let (status, retry_after) = answer.unwrap_or((StatusCode::OK, ""));
        let attempt = request.headers().get("x-retry-attempt");
        let attempt = attempt.map(|value| value.to_str().unwrap().to_owned());
        let mut body = request.into_body();
        let body = if status == StatusCode::SERVICE_UNAVAILABLE {
            body.frame().await.unwrap().unwrap().into_data().unwrap()
        } else {
            body.collect().await.unwrap().to_bytes()
        };
        self.sent.lock().unwrap().push(Sent { attempt, body });
        let mut response = Response::builder().status(status);
        if !retry_after.is_empty() {
            response = response.header("retry-after", retry_after);
        }
        Ok(response.body(()).unwrap())
    }

    async fn ask(&self, request: Request<Upload>, cap: usize) -> Response<()> {
        let upstream = self.clone();
        let context = Extensions::default().attempt_header(AttemptHeader::XRetryAttempt);
        let retry = RetryLayer::http("ledger", RetryConfig::default()).unwrap();
        let service = ServiceBuilder::new()
            .layer(ReplayBodyLayer::new().cap(cap))
            .layer(retry.context(context))
            .layer(error::layer())
            .service_fn(move |request| upstream.clone().answer(request));
        service.oneshot(request).await.unwrap()
    }

    fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }
}

fn sent(attempt: &str, body: &'static str) -> Sent {
    Sent {
        attempt: Some(attempt.into()),
        body: Bytes::from_static(body.as_bytes()),
    }
}

fn upload(method: Method, key: &str) -> Request<Upload> {
    let frames = ["ab", "cd", "ef"].map(|text| Ok(Frame::data(Bytes::from(text))));
    let body = StreamBody::new(futures::stream::iter(Vec::from(frames)));
    let request = Request::builder().method(method);
    request.header("idempotency-key", key).body(body).unwrap()
}

const BUSY: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "2");

#[tokio::test(start_paused = true)]
async fn a_streamed_upload_with_a_key_is_sent_again_whole_when_the_upstream_says() {
    let upstream = Upstream::of([BUSY, BUSY]);
    let started = Instant::now();
    let response = upstream.ask(upload(Method::POST, "k"), 6).await;
    assert_eq!(response.status(), StatusCode::OK);
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(4) && waited < Duration::from_millis(4010));
    let expected = [sent("1", "ab"), sent("2", "ab"), sent("3", "abcdef")];
    assert_eq!(upstream.sent(), expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_safe_or_cannot_be_copied_is_sent_once_and_answered_as_it_was() {
    let failed = [(StatusCode::BAD_GATEWAY, "2")];
    for (request, cap) in [
        (upload(Method::POST, ""), 64),
        (upload(Method::PUT, ""), 64),
        (upload(Method::POST, "k"), 5),
        (upload(Method::GET, ""), 5),
    ] {
        let upstream = Upstream::of(failed);
        let response = upstream.ask(request, cap).await;
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(upstream.sent(), [sent("1", "abcdef")]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_held_until_the_body_has_been_read() {
    let config = BulkheadConfig::default().concurrency(1);
    let layer = BulkheadLayer::http("files", config)
        .unwrap()
        .hold(UntilBodyEnd);
    let handle = layer.handle();
    let mut service = ServiceBuilder::new()
        .layer(layer)
        .layer(error::layer())
        .service_fn(|request: Request<&'static str>| async move {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(request.into_body())))
        });
    let mut ask = async |body| {
        service
            .ready()
            .await
            .unwrap()
            .call(Request::new(body))
            .await
    };
    let response = ask("abc").await.unwrap();
    assert_eq!(handle.in_flight(), 1);
    assert!(matches!(ask("def").await, Err(Error::Rejected(_))));
    response.into_body().collect().await.unwrap();
    assert_eq!(handle.in_flight(), 0);
    drop(ask("abc").await.unwrap());
    assert_eq!(handle.in_flight(), 0);
    let response = ask("").await.unwrap();
    assert_eq!(handle.in_flight(), 0, "there is no body to wait for");
    drop(response);
}

#[tokio::test(start_paused = true)]
async fn answers_of_4xx_leave_a_breaker_closed_and_5xx_open_it() {
    let layer = BreakerLayer::http("ledger", BreakerConfig::default()).unwrap();
    let mut service = ServiceBuilder::new()
        .layer(RespondLayer::new())
        .layer(layer)
        .layer(error::layer())
        .service_fn(|request: Request<StatusCode>| async move {
            let mut response = Response::new(Full::<Bytes>::default());
            *response.status_mut() = request.into_body();
            Ok::<_, Infallible>(response)
        });
    let mut ask = async |status| {
        let service = service.ready().await.unwrap();
        service.call(Request::new(status)).await.unwrap()
    };
    for (status, count) in [(StatusCode::NOT_FOUND, 50), (StatusCode::BAD_GATEWAY, 60)] {
        for _ in 0..count {
            ask(status).await;
        }
        let response = ask(StatusCode::OK).await;
        if status == StatusCode::NOT_FOUND {
            assert_eq!(response.status(), StatusCode::OK);
        } else {
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            let seconds = response.headers()["retry-after"].to_str().unwrap();
            assert!(
                (1..=8).contains(&seconds.parse::<u32>().unwrap()),
                "{seconds}"
            );
        }
    }
}

/// Layers that read the request find it there; those that read the task's context are told of it.
#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_request_reaches_what_is_called_below() {
    let below = || {
        error::layer().layer(tower::service_fn(|_: Request<()>| {
            let seen = Deadline::current();
            async move { Ok::<_, Infallible>(Response::new(seen)) }
        }))
    };
    let deadline = Deadline::within(Duration::from_secs(1));
    let mut request = Request::new(());
    deadline.attach(request.extensions_mut());

    let bulkhead = BulkheadLayer::http("ledger", BulkheadConfig::default()).unwrap();
    let seen = bulkhead
        .layer(below())
        .oneshot(request.clone())
        .await
        .unwrap();
    assert_eq!(seen.into_body(), Some(deadline));

    let retry = RetryLayer::http("ledger", RetryConfig::default()).unwrap();
    let seen = retry.layer(below()).oneshot(request).await.unwrap();
    assert_eq!(seen.into_body(), Some(deadline));
}
