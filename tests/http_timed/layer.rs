//! The layer: whose bodies it watches, by which limits, and how it stands in a stack.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::context::Ambient;
use mainstay::http::{BodyTimeoutConfig, BodyTimeoutLayer, RespondLayer, TimedBody, UntilBodyEnd};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{Deadline, Error, Kind, error};
use tokio::time::{Instant, advance};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use super::kit::{
    Broken, NEVER, SECOND, assert_on_time, assert_over, config, data, paced, read, refusal, silent,
};

fn layer(config: BodyTimeoutConfig) -> BodyTimeoutLayer {
    BodyTimeoutLayer::new("db", config).expect("the limits are valid")
}

fn stalls() -> impl Body<Data = Bytes, Error = Broken> + Send {
    paced(vec![(Duration::ZERO, data("a"))], true)
}

/// A service whose response stalls after a frame.
fn stalling<Req: Send + 'static>() -> impl Service<
    Req,
    Response = Response<impl Body<Data = Bytes, Error = Broken> + Send>,
    Error = Broken,
    Future: Send,
> + Clone {
    service_fn(|_: Req| async { Ok(Response::new(stalls())) })
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_response_is_cut_and_its_head_is_as_it_was() {
    let inner = service_fn(|request: Request<()>| async move {
        let response = Response::builder().status(StatusCode::ACCEPTED);
        let response = response.header("x-path", request.uri().path());
        Ok::<_, Broken>(response.body(stalls()).unwrap())
    });
    let service = layer(config(SECOND, SECOND, NEVER)).layer(inner);
    let request = Request::get("/stalls").body(()).unwrap();
    let (head, body) = service.oneshot(request).await.unwrap().into_parts();
    assert_eq!(head.status, StatusCode::ACCEPTED);
    assert_eq!(head.headers["x-path"], "/stalls");
    let mut body = Box::pin(body);
    let (all, error) = read(&mut body).await;
    assert_eq!(all, "a");
    let refusal = refusal(error);
    assert_eq!((refusal.kind(), refusal.layer()), (Kind::Timeout, "db"));
    assert_over(&mut body);
}

#[tokio::test(start_paused = true)]
async fn the_head_is_not_timed_and_the_limits_run_from_when_it_came() {
    let inner = service_fn(|_: Request<()>| async {
        tokio::time::sleep(60 * SECOND).await;
        Ok::<_, Broken>(Response::new(silent()))
    });
    let service = layer(config(NEVER, NEVER, SECOND)).layer(inner);
    let response = service.oneshot(Request::new(())).await.unwrap();
    let head = Instant::now();
    let mut body = Box::pin(response.into_body());
    assert_eq!(
        refusal(read(&mut body).await.1).limit_and_elapsed(),
        Some((SECOND, head.elapsed()))
    );
    assert_on_time(head.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_request_and_of_the_task_end_the_body() {
    let kind = async |request: Request<()>, layer: BodyTimeoutLayer| {
        let response = layer.layer(stalling()).oneshot(request).await.unwrap();
        let since = Instant::now();
        let mut body = Box::pin(response.into_body());
        let refusal = refusal(read(&mut body).await.1);
        (refusal.kind(), since.elapsed().as_secs())
    };
    let limits = || layer(config(SECOND * 9, SECOND * 9, SECOND * 9));
    let mut late = Request::new(());
    Deadline::within(2 * SECOND).attach(late.extensions_mut());
    assert_eq!(kind(late, limits()).await, (Kind::DeadlineExceeded, 2));
    let around = kind(Request::new(()), limits());
    let around = Deadline::within(3 * SECOND).scope(around).await;
    assert_eq!(around, (Kind::DeadlineExceeded, 3));
    assert_eq!(kind(Request::new(()), limits()).await, (Kind::Timeout, 9));

    // Read through the context that was asked for, and no other.
    let mut late = Request::new(());
    Deadline::within(2 * SECOND).attach(late.extensions_mut());
    let service = limits().context(Ambient).layer(stalling());
    let response = service.oneshot(late).await.unwrap();
    let mut body = Box::pin(response.into_body());
    assert_eq!(refusal(read(&mut body).await.1).kind(), Kind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn new_settings_are_those_of_the_calls_that_follow() {
    let layer = layer(config(SECOND, SECOND, NEVER));
    let handle = layer.handle();
    let service = layer.layer(stalling());
    let ask = || service.clone().oneshot(Request::new(()));
    let before = ask().await.unwrap();
    handle
        .reconfigure(config(NEVER, 5 * SECOND, NEVER))
        .unwrap();
    let after = ask().await.unwrap();
    let error = handle.reconfigure(config(SECOND, SECOND, Duration::ZERO));
    assert_eq!(error.unwrap_err().field(), "total");
    let still = ask().await.unwrap();
    for (response, limit) in [(before, 1), (after, 5), (still, 5)] {
        let mut body = Box::pin(response.into_body());
        let told = refusal(read(&mut body).await.1).limit_and_elapsed();
        assert_eq!(told.unwrap().0, limit * SECOND);
    }
    assert_eq!(handle.config(), config(NEVER, 5 * SECOND, NEVER));
}

#[tokio::test(start_paused = true)]
async fn errors_and_bodies_that_have_ended_pass_through() {
    let fails = service_fn(|_: Request<()>| async { Err::<Response<Empty<Bytes>>, _>(Broken(7)) });
    let layer = layer(BodyTimeoutConfig::default());
    let error = layer.layer(fails).oneshot(Request::new(())).await;
    assert_eq!(error.unwrap_err(), Broken(7));
    let empty = service_fn(|_: Request<()>| async {
        Ok::<_, Broken>(Response::new(Empty::<Bytes>::new()))
    });
    let response = layer.layer(empty).oneshot(Request::new(())).await.unwrap();
    assert_over(&mut Box::pin(response.into_body()));
}

/// Above the bulkhead and below it, a body that is cut gives its permit back.
#[tokio::test(start_paused = true)]
async fn a_permit_is_free_when_the_body_that_held_it_is_cut() {
    let one = || {
        let one = BulkheadConfig::default().concurrency(1).queue(0);
        BulkheadLayer::http("db", one).unwrap().hold(UntilBodyEnd)
    };
    let limits = || layer(config(SECOND, SECOND, NEVER));
    let (above, below) = (one(), one());
    let handles = [above.handle(), below.handle()];
    let above = ServiceBuilder::new()
        .layer(limits())
        .layer(above)
        .layer(error::layer())
        .service(stalling());
    let below = ServiceBuilder::new()
        .layer(below)
        .layer(limits())
        .layer(error::layer())
        .service(stalling());

    let response = above.oneshot(Request::new(())).await.unwrap();
    let mut body = Box::pin(response.into_body());
    assert_eq!(handles[0].in_flight(), 1);
    let (_, error) = read(&mut body).await;
    assert_eq!(refusal(error).kind(), Kind::Timeout);
    assert_eq!(handles[0].in_flight(), 0, "while the body is still there");

    let response = below.oneshot(Request::new(())).await.unwrap();
    let mut body = Box::pin(response.into_body());
    assert_eq!(handles[1].in_flight(), 1);
    let (_, error) = read(&mut body).await;
    assert_eq!(refusal(error).kind(), Kind::Timeout);
    assert_eq!(handles[1].in_flight(), 0);
}

/// A body that the tests below can make of an answer.
type Made = Full<Bytes>;

#[tokio::test(start_paused = true)]
async fn answers_to_refusals_are_bodies_that_nobody_watches() {
    let limit = TimeoutConfig::default().limit(SECOND);
    let hangs =
        service_fn(|_: Request<()>| std::future::pending::<Result<Response<Made>, Infallible>>());
    let service = ServiceBuilder::new()
        .layer(RespondLayer::new())
        .layer(layer(config(SECOND, SECOND, SECOND)))
        .layer(TimeoutLayer::http("db", limit).unwrap())
        .layer(error::layer())
        .service(hangs);
    let response = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    advance(60 * SECOND).await;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"{"), "{body:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clone_of_the_layer_shares_its_settings_and_the_service_is_ready_as_its_inner_one() {
    let layer = layer(config(SECOND, SECOND, NEVER));
    let clone = layer.clone();
    layer
        .handle()
        .reconfigure(config(NEVER, NEVER, SECOND))
        .unwrap();
    assert_eq!(clone.handle().config(), config(NEVER, NEVER, SECOND));
    let fails = service_fn(|_: Request<()>| async {
        Err::<Response<Made>, Error<Broken>>(Error::Inner(Broken(1)))
    });
    let mut service = clone.layer(fails);
    let call = service.ready().await.unwrap().call(Request::new(()));
    assert!(matches!(call.await, Err(Error::Inner(Broken(1)))));
}

/// The body of a request, on its way up.
#[tokio::test(start_paused = true)]
async fn a_slow_upload_is_cut_where_it_is_read() {
    let limits = super::kit::limits(SECOND, SECOND, 10 * SECOND);
    let reads = service_fn(|request: Request<TimedBody<_>>| async {
        let mut body = Box::pin(request.into_body());
        Ok::<_, Infallible>(read(&mut body).await)
    });
    let mut service = ServiceBuilder::new()
        .map_request(move |request: Request<_>| {
            request.map(|body| TimedBody::new(body, limits, "upload"))
        })
        .service(reads);
    let drip = (0..100).map(|_| (SECOND * 9 / 10, data("x"))).collect();
    let request = Request::new(paced(drip, false));
    let (all, error) = service.ready().await.unwrap().call(request).await.unwrap();
    assert_eq!(all.len(), 11);
    let refusal = refusal(error);
    assert_eq!((refusal.kind(), refusal.layer()), (Kind::Timeout, "upload"));
}

#[cfg(feature = "serde")]
#[test]
fn settings_come_from_a_file_and_what_is_left_out_has_its_default() {
    let read = |file: &str| serde_json::from_str::<BodyTimeoutConfig>(file);
    let default = BodyTimeoutConfig::default();
    assert_eq!(read("{}").unwrap(), default);
    let file = serde_json::to_string(&default).unwrap();
    assert_eq!(read(&file).unwrap(), default);
    let some = read(r#"{"idle": {"secs": 1, "nanos": 0}}"#).unwrap();
    assert_eq!(some, default.idle(SECOND));
    assert!(read(r#"{"idel": {"secs": 1, "nanos": 0}}"#).is_err());
    let zero = read(r#"{"first": {"secs": 0, "nanos": 0}}"#).unwrap();
    assert!(BodyTimeoutLayer::new("db", zero).is_err());
}
