//! Every layer of a client around hyper's.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full};
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use mainstay::Ratio;
use mainstay::breaker::{BreakerConfig, BreakerHandle, BreakerLayer, Window};
use mainstay::bulkhead::{BulkheadConfig, BulkheadHandle, BulkheadLayer};
use mainstay::deadline::{DeadlineClientConfig, DeadlineClientLayer};
use mainstay::http::{BodyTimeoutConfig, BodyTimeoutLayer, UntilBodyEnd};
use mainstay::idempotency::IdempotencyKeyLayer;
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::trace::TraceClientLayer;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, service_fn};

use super::PROBES_MAX;

/// How long an attempt may take to be answered, and how long a body may pause.
const ATTEMPT: Duration = Duration::from_millis(150);
const PAUSE: Duration = Duration::from_millis(100);
/// How many calls are in flight, and how many wait and for how long. Some callers find no place.
const CONCURRENCY: u32 = 48;
const QUEUE: u32 = 14;
const WAIT: Duration = Duration::from_millis(50);
/// So short that the circuit opens in a storm, and closes soon after it.
const WINDOW: Duration = Duration::from_millis(300);
const OPEN_BASE: Duration = Duration::from_millis(100);
const OPEN_MAX: Duration = Duration::from_millis(200);

pub(crate) type Sent = Request<Full<Bytes>>;
pub(crate) type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;
pub(crate) type Stack = BoxCloneSyncService<Sent, Answer, BoxError>;

pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) stack: Stack,
    pub(crate) bulkhead: BulkheadHandle,
    pub(crate) circuit: BreakerHandle,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Result<Self, BoxError> {
        let hyper = legacy::Client::builder(TokioExecutor::new()).build_http();
        // What has an effect is read to its end here, so that a body which breaks off is tried again. The
        // rest streams through all layers.
        let transport = service_fn(move |request: Sent| {
            let is_read = request.method() == Method::POST;
            let answer = hyper.request(request);
            async move {
                let (head, body) = answer.await?.into_parts();
                let body = if is_read {
                    Either::Left(Full::new(body.collect().await?.to_bytes()))
                } else {
                    Either::Right(body)
                };
                Ok::<_, BoxError>(Response::from_parts(head, body))
            }
        });

        let room = BulkheadConfig::default()
            .concurrency(CONCURRENCY)
            .queue(QUEUE)
            .wait_max(WAIT);
        let room = BulkheadLayer::http("soak", room)?.hold(UntilBodyEnd);
        let length = WINDOW;
        let circuit = BreakerConfig::default()
            .window(Window::Time { length, buckets: 5 })
            .failure_ratio(Ratio::percent(30)?)
            .open_base(OPEN_BASE)
            .open_max(OPEN_MAX)
            .probes(PROBES_MAX);
        let circuit = BreakerLayer::http("soak", circuit)?;
        let again = RetryConfig::default()
            .base(Duration::from_millis(5))
            .delay_max(Duration::from_millis(50));
        let attempt = TimeoutConfig::default().limit(ATTEMPT);
        let body = BodyTimeoutConfig::default().first(PAUSE).idle(PAUSE);
        let (bulkhead, handle) = (room.handle(), circuit.handle());
        let stack = ServiceBuilder::new()
            .map_response(|answer: Response<_>| answer.map(BodyExt::boxed_unsync))
            .layer(IdempotencyKeyLayer::http("soak"))
            .layer(room)
            .layer(RetryLayer::http("soak", again)?)
            .layer(circuit)
            .layer(TimeoutLayer::http("soak", attempt)?)
            .layer(TraceClientLayer::new("soak"))
            .layer(DeadlineClientLayer::http(
                "soak",
                DeadlineClientConfig::default(),
            )?)
            .layer(BodyTimeoutLayer::new("soak", body)?)
            .service(transport);
        Ok(Self {
            address,
            stack: BoxCloneSyncService::new(stack),
            bulkhead,
            circuit: handle,
        })
    }
}
