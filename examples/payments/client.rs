//! A client that wants to have paid: it repeats whatever it has no answer to, under one key.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use mainstay::http::PostAndPatch;
use mainstay::idempotency::IdempotencyKeyLayer;
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer as _, ServiceBuilder, ServiceExt as _, service_fn};

use super::Payment;
use super::mishaps::Mishaps;
use super::report::Tally;

/// How long it waits for one answer.
const ATTEMPT: Duration = Duration::from_millis(400);
/// How long it pauses when it was not told how long.
const PAUSE: Duration = Duration::from_millis(50);

type Sent = Request<Full<Bytes>>;
type Stack = BoxCloneSyncService<Sent, Response<Bytes>, BoxError>;

pub(crate) struct Client {
    uri: String,
    keys: IdempotencyKeyLayer<PostAndPatch>,
    stack: Stack,
    mishaps: Mishaps,
    tally: Tally,
    copies: Mutex<JoinSet<()>>,
}

/// What a key has come to.
enum Ended {
    Paid(u64),
    /// It failed, or nobody knows. Nothing more will come of it.
    Unclear,
}

impl Client {
    /// Retry and timeout around a hyper client that reads its answers to their ends.
    pub(crate) fn new(uri: String, mishaps: Mishaps, tally: Tally) -> Result<Self, BoxError> {
        let hyper = legacy::Client::builder(TokioExecutor::new()).build_http();
        let counted = tally.clone();
        let transport = service_fn(move |request: Sent| {
            let (answer, tally) = (hyper.request(request), counted.clone());
            async move {
                tally.count("client: requests sent");
                let (head, body) = answer.await?.into_parts();
                let body = body.collect().await?.to_bytes();
                if head.headers.contains_key("idempotency-replayed") {
                    tally.count(Tally::REPLAYED);
                }
                Ok::<_, BoxError>(Response::from_parts(head, body))
            }
        });
        let attempt = TimeoutConfig::default().limit(ATTEMPT);
        let stack = ServiceBuilder::new()
            .layer(RetryLayer::http("payments", RetryConfig::default())?)
            .layer(TimeoutLayer::http("payments", attempt)?)
            .service(transport);
        Ok(Self {
            uri,
            keys: IdempotencyKeyLayer::http("payments"),
            stack: BoxCloneSyncService::new(stack),
            mishaps,
            tally,
            copies: Mutex::default(),
        })
    }

    /// Pays, and gives the receipt.
    pub(crate) async fn pay(&self, payment: Payment) -> Result<u64, BoxError> {
        let mut habits = self.mishaps.of_client(payment);
        loop {
            // The layer makes the key of all that is sent in here.
            let under_one_key = service_fn(|request| {
                self.copy(&request, std::mem::take(&mut habits.copies));
                self.insist(request, std::mem::take(&mut habits.leaves))
            });
            let order = json!({"payment": payment.id, "cents": payment.cents});
            let request = Request::post(&self.uri)
                .header("content-type", "application/json")
                .body(Full::from(order.to_string()))?;
            let keyed = self.keys.layer(under_one_key);
            match keyed.oneshot(request).await? {
                Ended::Paid(receipt) => return Ok(receipt),
                Ended::Unclear => {}
            }
            if let Some(receipt) = self.find(payment).await? {
                self.tally.count("client: found that it had paid");
                return Ok(receipt);
            }
            self.tally.count("client: found that it had not, new key");
        }
    }

    /// Sends a request until an answer says what became of its key.
    async fn insist(&self, request: Sent, leaves: Vec<Duration>) -> Result<Ended, BoxError> {
        let mut leaves = leaves.into_iter();
        loop {
            let sent = self.stack.clone().oneshot(request.clone());
            let answer = match leaves.next() {
                None => sent.await,
                Some(leave) => match timeout(leave, sent).await {
                    Ok(answer) => answer,
                    Err(_gone) => {
                        self.tally.count("client: left before the answer");
                        continue;
                    }
                },
            };
            let Ok(answer) = answer else {
                self.tally.count("client: got no answer");
                sleep(PAUSE).await;
                continue;
            };
            let said = said(&answer);
            match (answer.status(), said["kind"].as_str()) {
                (StatusCode::CREATED, _) => {
                    let receipt = said["receipt"].as_u64().ok_or("a receipt without number")?;
                    return Ok(Ended::Paid(receipt));
                }
                (StatusCode::CONFLICT, Some("outcome_unknown")) => {
                    self.tally.count("client: told that nobody knows");
                    return Ok(Ended::Unclear);
                }
                (StatusCode::INTERNAL_SERVER_ERROR, _) => {
                    self.tally.count("client: told that it failed");
                    return Ok(Ended::Unclear);
                }
                (StatusCode::CONFLICT, Some("in_flight")) => {
                    self.tally.count("client: told to come back");
                    let wait = said["retry_after_ms"].as_u64();
                    sleep(wait.map_or(PAUSE, Duration::from_millis)).await;
                }
                (StatusCode::SERVICE_UNAVAILABLE, _) => {
                    self.tally.count("client: told that it is busy");
                    sleep(PAUSE).await;
                }
                (status, kind) => return Err(format!("answered {status}, {kind:?}").into()),
            }
        }
    }

    /// Sends the same again after each of these times, and heeds no answer.
    fn copy(&self, request: &Sent, after: Vec<Duration>) {
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        for after in after {
            let copy = self.stack.clone().oneshot(request.clone());
            self.tally.count("client: copies sent");
            copies.spawn(async move {
                sleep(after).await;
                let _ = copy.await;
            });
        }
    }

    /// Asks until it is told whether a payment was charged.
    async fn find(&self, payment: Payment) -> Result<Option<u64>, BoxError> {
        loop {
            let mut request = Request::new(Full::default());
            *request.method_mut() = Method::GET;
            *request.uri_mut() = format!("{}/{}", self.uri, payment.id).parse()?;
            match self.stack.clone().oneshot(request).await {
                Ok(answer) if answer.status() == StatusCode::OK => {
                    return Ok(said(&answer)["receipt"].as_u64());
                }
                Ok(answer) if answer.status() == StatusCode::NOT_FOUND => return Ok(None),
                _ => sleep(PAUSE).await,
            }
        }
    }

    /// Returns when no copy is on its way any more.
    pub(crate) async fn copies_ended(&self) -> Result<(), BoxError> {
        let mut copies = {
            let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *copies)
        };
        while let Some(ended) = copies.join_next().await {
            ended?;
        }
        Ok(())
    }
}

fn said(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_default()
}
