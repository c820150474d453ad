//! Requests, responses and the handler that the layers are put around.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mainstay::idempotency::{
    By, ByMessageId, Capture, Disposition, Execution, Fingerprint, Hasher, IdempotencyConfig,
    IdempotencyLayer, OnError, Prepare, Tombstone, Unfit, Unreadable,
};
use mainstay::{Executed, Kind, Rejection, StackError};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer, ServiceExt};

use crate::shelf::{Node, Shelf};

pub(crate) const MILLI: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const LEASE: Duration = Duration::from_secs(30);

pub(crate) fn just_before(end: Duration) -> Duration {
    end.saturating_sub(MILLI)
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) tenant: Option<&'static str>,
    pub(crate) key: Option<String>,
    pub(crate) body: &'static str,
}

/// A request of the tenant `acme`.
pub(crate) fn keyed(key: &str, body: &'static str) -> Request {
    Request {
        tenant: Some("acme"),
        key: Some(key.to_owned()),
        body,
    }
}

pub(crate) fn unkeyed() -> Request {
    Request {
        tenant: None,
        key: None,
        body: "",
    }
}

/// The pair that every test begins with: same key, same body.
pub(crate) fn pay() -> Request {
    keyed("k-1", "pay 5")
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Response {
    pub(crate) text: String,
    pub(crate) is_replay: bool,
    pub(crate) is_bypass: bool,
}

/// How a run of the handler ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Act {
    Answer,
    AnswerAfter(Duration),
    Fail,
    Refuse(Executed),
    RefuseAfter(Duration, Executed),
    Panic,
    PanicAfter(Duration),
    Hang,
    /// A response that is not to be kept whole.
    Huge,
    /// One that no later version can read.
    Garbled,
    /// Stops when its lease is lost, without an effect.
    UntilLost,
}

/// One run of the handler.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) attempt: Option<u64>,
    pub(crate) execution: Option<Execution>,
}

/// The handler; answers with the number of the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Desk {
    acts: Arc<Mutex<VecDeque<Act>>>,
    pub(crate) runs: Arc<Mutex<Vec<Run>>>,
}

pub(crate) type Service = BoxCloneSyncService<Request, Response, BoxError>;
pub(crate) type Answer = Result<Response, BoxError>;

type ById = ByMessageId<fn(&Request) -> Option<String>, fn(&Request) -> Fingerprint>;
pub(crate) type Tenant = fn(&Request) -> Option<&'static str>;
pub(crate) type TestLayer = IdempotencyLayer<ReadBody, Text, Node, By<Tenant>>;

impl Desk {
    pub(crate) fn playing(acts: impl IntoIterator<Item = Act>) -> Self {
        let desk = Self::default();
        desk.acts.lock().unwrap().extend(acts);
        desk
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.lock().unwrap().len()
    }

    pub(crate) fn attempts(&self) -> Vec<u64> {
        let runs = self.runs.lock().unwrap();
        runs.iter().map(|run| run.attempt.unwrap_or(0)).collect()
    }

    /// Itself as a service; it answers with `BoxError`, as the layer's own refusals do.
    pub(crate) fn service(&self) -> Service {
        let desk = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |_: Request| {
            let desk = desk.clone();
            async move { desk.work().await }
        }))
    }

    async fn work(self) -> Answer {
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(Act::Answer);
        let execution = Execution::current();
        let number = {
            let mut runs = self.runs.lock().unwrap();
            runs.push(Run {
                attempt: execution.as_ref().map(Execution::attempt),
                execution: execution.clone(),
            });
            runs.len()
        };
        if let Act::AnswerAfter(wait) | Act::RefuseAfter(wait, _) | Act::PanicAfter(wait) = act {
            sleep(wait).await;
        }
        match act {
            Act::Answer | Act::AnswerAfter(_) => Ok(response(format!("run {number}"))),
            Act::Huge => Ok(response(format!("huge {number}"))),
            Act::Garbled => Ok(response(format!("garbled {number}"))),
            Act::Fail => Err(format!("failed {number}").into()),
            Act::Refuse(executed) | Act::RefuseAfter(_, executed) => {
                Err(Rejection::new(Kind::CircuitOpen, executed, "inner".into()).into())
            }
            Act::Panic | Act::PanicAfter(_) => panic!("as it was told"),
            Act::Hang => std::future::pending().await,
            Act::UntilLost => {
                execution.expect("it has a claim").lease_lost().await;
                Err(Rejection::new(Kind::Timeout, Executed::No, "inner".into()).into())
            }
        }
    }
}

fn response(text: String) -> Response {
    Response {
        text,
        is_replay: false,
        is_bypass: false,
    }
}

/// Finds the key; fails to read a body that says so.
pub(crate) struct ReadBody(ById);

impl Default for ReadBody {
    fn default() -> Self {
        let of = |request: &Request| {
            Fingerprint::hashed(Hasher::new("body").part(request.body.as_bytes()))
        };
        Self(
            ByMessageId::new((|request| request.key.clone()) as fn(&Request) -> Option<String>)
                .fingerprint_by(of as fn(&Request) -> Fingerprint),
        )
    }
}

impl Prepare<Request> for ReadBody {
    type Inner = Request;

    fn key(&self, request: &Request) -> Result<Option<mainstay::idempotency::ClientKey>, Unfit> {
        if request.key.as_deref() == Some("malformed") {
            return Err(Unfit::new(Kind::KeyMalformed));
        }
        self.0.key(request)
    }

    fn pass(&self, request: Request) -> Request {
        request
    }

    async fn fingerprint(&self, request: Request) -> Result<(Request, Fingerprint), Unfit> {
        match request.body {
            "too large" => Err(Unfit::new(Kind::BodyTooLarge)),
            "broken" => Err(Unfit::new(Kind::BodyFailed)),
            "slow" => {
                sleep(SECOND).await;
                self.0.fingerprint(request).await
            }
            _ => self.0.fingerprint(request).await,
        }
    }
}

/// Keeps the text.
#[derive(Default)]
pub(crate) struct Text {
    pub(crate) on_error: OnError,
}

impl Capture<Response, BoxError> for Text {
    type Outer = Response;

    async fn capture(&self, result: Answer) -> (Answer, Disposition) {
        let disposition = match &result {
            Ok(response) if response.text.starts_with("huge") => {
                Disposition::Tombstone(Tombstone::TooLarge)
            }
            Ok(response) => Disposition::Keep(Bytes::from(response.text.clone())),
            Err(error) => Disposition::of_error(error, self.on_error),
        };
        (result, disposition)
    }

    fn pass(&self, response: Response) -> Response {
        response
    }

    fn replay(&self, record: Bytes) -> Result<Response, Unreadable> {
        let text = String::from_utf8(record.to_vec()).map_err(|_| Unreadable)?;
        if text.starts_with("garbled") {
            return Err(Unreadable);
        }
        Ok(Response {
            is_replay: true,
            ..response(text)
        })
    }

    fn bypassed(&self, mut response: Response) -> Response {
        response.is_bypass = true;
        response
    }
}

pub(crate) fn layer_of(
    name: &'static str,
    config: IdempotencyConfig,
    capture: Text,
    node: &Node,
) -> TestLayer {
    let tenant: Tenant = |request| request.tenant;
    IdempotencyLayer::new(name, config, ReadBody::default(), capture, node.clone())
        .unwrap()
        .scope(tenant)
}

pub(crate) fn layer(config: IdempotencyConfig, node: &Node) -> TestLayer {
    layer_of("pay", config, Text::default(), node)
}

/// A layer around a desk, over a shelf.
pub(crate) struct Shop {
    pub(crate) shelf: Shelf,
    pub(crate) node: Node,
    pub(crate) desk: Desk,
    pub(crate) layer: TestLayer,
    pub(crate) service: Service,
}

impl Shop {
    pub(crate) fn open(config: IdempotencyConfig, acts: impl IntoIterator<Item = Act>) -> Self {
        Self::over(&Shelf::default(), config, acts)
    }

    pub(crate) fn over(
        shelf: &Shelf,
        config: IdempotencyConfig,
        acts: impl IntoIterator<Item = Act>,
    ) -> Self {
        let node = shelf.node();
        let layer = layer(config, &node);
        Self::of(layer, node, acts)
    }

    pub(crate) fn of(layer: TestLayer, node: Node, acts: impl IntoIterator<Item = Act>) -> Self {
        let desk = Desk::playing(acts);
        let service = BoxCloneSyncService::new(layer.layer(desk.service()));
        Self {
            shelf: node.shelf.clone(),
            node,
            desk,
            layer,
            service,
        }
    }

    pub(crate) async fn call(&self, request: Request) -> Answer {
        self.service.clone().oneshot(request).await
    }

    /// A call that goes on by itself, begun.
    pub(crate) async fn begin(&self, request: Request) -> JoinHandle<Answer> {
        let call = tokio::spawn(self.service.clone().oneshot(request));
        settled().await;
        call
    }
}

/// Lets every task that can go on do so, without time passing.
pub(crate) async fn settled() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[track_caller]
pub(crate) fn refused(answer: &Answer) -> Rejection {
    match answer {
        Err(error) => match error.rejection() {
            Some(refusal) => refusal.clone(),
            None => panic!("not a refusal: {error}"),
        },
        Ok(response) => panic!("not refused: {response:?}"),
    }
}

#[track_caller]
pub(crate) fn kind(answer: &Answer) -> Kind {
    refused(answer).kind()
}

#[track_caller]
pub(crate) fn text(answer: &Answer) -> &str {
    match answer {
        Ok(response) => &response.text,
        Err(error) => panic!("refused: {error}"),
    }
}
