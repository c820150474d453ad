//! The two clients: the usual one, and a stack of layers.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use mainstay::breaker::{BreakerConfig, BreakerHandle, BreakerLayer, Window};
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::retry::{RetryConfig, RetryLayer, WindowedBudget, WindowedConfig};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{ConfigError, Deadline, Ratio, error};
use tokio::time::timeout;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service as _, ServiceBuilder, ServiceExt as _};

/// How long both clients wait for one attempt.
const ATTEMPT: Duration = Duration::from_millis(500);
/// How often both try at most.
const ATTEMPTS: u32 = 4;

type Transport = Client<HttpConnector, Empty<Bytes>>;
type Stack =
    BoxCloneSyncService<Request<Empty<Bytes>>, http::Response<hyper::body::Incoming>, BoxError>;

/// Makes one call and says whether it was answered well.
#[derive(Clone)]
pub(crate) enum Caller {
    /// A timeout and three immediate retries.
    Naive {
        transport: Box<Transport>,
        uri: String,
    },
    Mainstay {
        stack: Stack,
        uri: String,
    },
}

fn transport() -> Transport {
    Client::builder(TokioExecutor::new()).build_http()
}

impl Caller {
    pub(crate) fn naive(uri: String) -> Self {
        Self::Naive {
            transport: Box::new(transport()),
            uri,
        }
    }

    /// Bulkhead, retry with a budget, breaker and timeout, in this order.
    pub(crate) fn mainstay(uri: String) -> Result<(Self, BreakerHandle), ConfigError> {
        let bulkhead = BulkheadConfig::default().concurrency(64);
        let retry = RetryConfig::default().attempts(ATTEMPTS);
        // Over a second, so that retries add no more than a fifth to the load of any second.
        let budget = WindowedConfig::default()
            .ratio(Ratio::percent(20)?)
            .floor(1);
        let budget = WindowedBudget::new(budget.window(Duration::from_secs(1)))?;
        let breaker = BreakerConfig::default()
            .window(Window::Time {
                length: Duration::from_secs(2),
                buckets: 10,
            })
            .open_base(Duration::from_secs(1))
            .open_max(Duration::from_secs(2));
        let breaker = BreakerLayer::http("orders", breaker)?;
        let handle = breaker.handle();
        let stack = ServiceBuilder::new()
            .layer(BulkheadLayer::http("orders", bulkhead)?)
            .layer(RetryLayer::http("orders", retry)?.budget(budget))
            .layer(breaker)
            .layer(TimeoutLayer::http(
                "orders",
                TimeoutConfig::default().limit(ATTEMPT),
            )?)
            .layer(error::layer())
            .service(transport());
        let stack = BoxCloneSyncService::new(stack.map_err(BoxError::from));
        Ok((Self::Mainstay { stack, uri }, handle))
    }

    pub(crate) async fn call(&mut self) -> bool {
        match self {
            Self::Naive { transport, uri } => naive(transport, uri).await,
            Self::Mainstay { stack, uri } => {
                let mut request = get(uri);
                Deadline::within(ATTEMPT * ATTEMPTS).attach(request.extensions_mut());
                let Ok(stack) = stack.ready().await else {
                    return false;
                };
                match stack.call(request).await {
                    Ok(response) => is_done(response).await,
                    Err(_refused) => false,
                }
            }
        }
    }
}

async fn naive(transport: &Transport, uri: &str) -> bool {
    for _ in 0..ATTEMPTS {
        if let Ok(Ok(response)) = timeout(ATTEMPT, transport.request(get(uri))).await {
            if is_done(response).await {
                return true;
            }
        }
    }
    false
}

fn get(uri: &str) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri.parse().unwrap_or_default();
    request
}

/// The body is read, so that the connection can be used again.
async fn is_done(response: http::Response<hyper::body::Incoming>) -> bool {
    response.status() == StatusCode::OK && response.into_body().collect().await.is_ok()
}
