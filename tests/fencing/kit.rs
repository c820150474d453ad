//! A resource behind a gate.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};

use http::Request;
use mainstay::coordination::{
    EphemeralTokenStore, FencingGate, FencingLayer, FencingToken, StoreError, TokenRecord,
    TokenStore,
};
use mainstay::test_util::{Failed, Probe, Token, Watch};
use mainstay::{Error, Kind, Rejection, error};
use tower::{Service, ServiceBuilder, ServiceExt};

pub(crate) type Answer = Result<Token, Error<Failed>>;

pub(crate) fn token(number: u64) -> FencingToken {
    FencingToken::from_number(number).expect("above zero")
}

/// A request with these values of the field.
pub(crate) fn saying<const N: usize>(values: [&str; N]) -> Request<()> {
    let request = values
        .into_iter()
        .fold(Request::post("/entries"), |request, value| {
            request.header("fencing-token", value)
        });
    request.body(()).expect("a request")
}

pub(crate) fn of_term(number: u64) -> Request<()> {
    saying([number.to_string().as_str()])
}

/// A layer in front of a probe.
pub(crate) fn resource(
    layer: FencingLayer,
) -> (
    impl Service<Request<()>, Response = Token, Error = Error<Failed>, Future: Send + 'static>
    + Clone
    + Send
    + 'static,
    Watch,
) {
    let probe = Probe::new();
    let watch = probe.watch();
    let requests = probe.watch();
    let service = ServiceBuilder::new()
        .layer(layer)
        .map_request(move |_: Request<()>| requests.request())
        .layer(error::layer())
        .service(probe);
    (service, watch)
}

pub(crate) fn ledger(gate: &FencingGate) -> FencingLayer {
    FencingLayer::new("ledger", gate.clone())
}

/// Makes the service ready and calls it, when the future is first polled.
pub(crate) fn call<S>(
    service: &S,
    request: Request<()>,
) -> impl Future<Output = Result<S::Response, S::Error>> + use<S>
where
    S: Service<Request<()>> + Clone,
{
    let mut service = service.clone();
    async move { service.ready().await?.call(request).await }
}

#[track_caller]
pub(crate) fn refusal(answer: Answer) -> Rejection {
    match answer {
        Err(Error::Rejected(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn kind(answer: Answer) -> Kind {
    refusal(answer).kind()
}

/// Keeps the next record when it is told to, and fails when it is told that.
#[derive(Debug)]
pub(crate) struct Ordered {
    inner: EphemeralTokenStore,
    orders: Mutex<Receiver<bool>>,
}

impl Ordered {
    pub(crate) fn gate() -> (FencingGate, Sender<bool>) {
        let (sender, orders) = mpsc::channel();
        let store = Self {
            inner: EphemeralTokenStore::new("ledger"),
            orders: Mutex::new(orders),
        };
        (FencingGate::durable(store), sender)
    }
}

impl TokenStore for Ordered {
    fn load(&self) -> Option<TokenRecord> {
        self.inner.load()
    }

    fn record(&self, record: TokenRecord) -> Result<(), StoreError> {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if orders.recv() == Ok(true) {
            self.inner.record(record)
        } else {
            Err(StoreError::Failed)
        }
    }
}
