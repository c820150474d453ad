//! Who asks, and judges what comes of it.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy;
use mainstay::trace::TraceContext;
use mainstay::{Deadline, Kind, Rng, StackError as _};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use tower::{BoxError, ServiceExt as _};

use super::CALL;
use super::client::{Client, Sent};
use super::ledger::{Ledger, Nonce};
use super::server::{ADD_MAX, ECHO_MAX};
use super::tally::Tally;

/// How much later than its deadline a call may end, where the machine has other things to do.
const LATE: Duration = Duration::from_secs(2);
/// How long a caller pauses that was turned away: it would ask for nothing else otherwise.
const PAUSE: Duration = Duration::from_millis(2);

pub(crate) struct Caller {
    number: u64,
    rng: Rng,
    client: Arc<Client>,
    ledger: Ledger,
    tally: Tally,
}

/// A call that came to its end.
enum Ended {
    Right,
    /// It failed in a way that the faults explain.
    Failed(&'static str),
    Wrong(&'static str, String),
}

impl Caller {
    pub(crate) fn new(
        number: u64,
        seed: u64,
        client: Arc<Client>,
        ledger: Ledger,
        tally: Tally,
    ) -> Self {
        let rng = Rng::seeded(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ !number);
        Self {
            number,
            rng,
            client,
            ledger,
            tally,
        }
    }

    /// Asks one thing after the other until the time is over.
    pub(crate) async fn run(self, end: Instant) {
        let mut place = 0;
        while Instant::now() < end {
            place += 1;
            let nonce = Nonce::new(self.number, place);
            let drawn = self.rng.bits() % 1000;
            let leaves = Duration::from_micros(self.rng.bits() % 20_000);
            let is_turned_away = match drawn {
                0..10 => {
                    let left = timeout(leaves, self.call(nonce, true, None)).await;
                    self.tally.count(
                        left.map_or("call: left before the end", |_| "call: would have left"),
                    );
                    false
                }
                10..30 => {
                    let key = format!("{}-{place}", self.number);
                    let one = self.call(nonce, true, Some(&key));
                    let other = self.call(nonce, true, Some(&key));
                    let (one, other) = tokio::join!(one, other);
                    one || other
                }
                _ => self.call(nonce, drawn % 3 == 0, None).await,
            };
            if is_turned_away {
                sleep(PAUSE).await;
            }
        }
    }

    /// Makes one call, judges it, and says whether it came to nothing.
    async fn call(&self, nonce: Nonce, adds: bool, key: Option<&str>) -> bool {
        self.tally.asked();
        let trace = TraceContext::root(&Rng::thread());
        let id = trace.trace_id().to_string();
        // Two copies are of two traces, and the answer is that of the one that ran.
        let id = key.is_none().then_some(id);
        let asked = async {
            match self.request(nonce, adds, key) {
                Ok(request) => self.ask(nonce, adds, request, id).await,
                Err(error) => Ended::Wrong("a request could not be made", error.to_string()),
            }
        };
        let ended = timeout(CALL + LATE, trace.in_scope(asked)).await;
        match ended {
            Ok(Ended::Right) => {
                self.tally.answered();
                return false;
            }
            Ok(Ended::Failed(how)) => self.tally.count(how),
            Ok(Ended::Wrong(what, seen)) => self.tally.wrong(what, &(nonce, seen)),
            Err(_late) => self.tally.wrong("a call outlived its deadline", &nonce),
        }
        true
    }

    fn request(&self, nonce: Nonce, adds: bool, key: Option<&str>) -> Result<Sent, BoxError> {
        let (address, Nonce(number)) = (self.client.address, nonce);
        let request = if adds {
            Request::post(format!("http://{address}/add/{number}"))
        } else {
            Request::get(format!("http://{address}/echo/{number}"))
        };
        let request = key.into_iter().fold(request, |request, key| {
            request.header("idempotency-key", key)
        });
        let body = if adds {
            nonce.bytes(ADD_MAX)
        } else {
            Vec::new()
        };
        let mut request = request.body(Full::from(Bytes::from(body)))?;
        Deadline::within(CALL).attach(request.extensions_mut());
        Ok(request)
    }

    async fn ask(&self, nonce: Nonce, adds: bool, request: Sent, trace: Option<String>) -> Ended {
        let answer = match self.client.stack.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(error) => return explained(&error),
        };
        let (head, body) = answer.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return explained(&error),
        };
        let wanted = if adds {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        if head.status != wanted {
            return refused(head.status, &body);
        }
        if field(&head.headers, "x-nonce") != nonce.0.to_string() {
            return Ended::Wrong("an answer to another request", format!("{head:?}"));
        }
        if trace.is_some_and(|trace| field(&head.headers, "x-trace") != trace) {
            return Ended::Wrong("an answer of another trace", format!("{head:?}"));
        }
        if body != nonce.bytes(if adds { ADD_MAX } else { ECHO_MAX }) {
            return Ended::Wrong("another body", format!("{head:?}, {} bytes", body.len()));
        }
        if adds {
            let effects = self.ledger.effects(nonce);
            if effects != 1 || field(&head.headers, "x-effects") != "1" {
                return Ended::Wrong("not one effect", format!("{effects}, {head:?}"));
            }
        }
        Ended::Right
    }
}

fn field<'a>(head: &'a HeaderMap, name: &str) -> &'a str {
    let value = head.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// What the faults explain: a layer of the client refused, or the connection did not hold.
fn explained(error: &BoxError) -> Ended {
    if let Some(refusal) = error.rejection() {
        return match refusal.kind() {
            Kind::Timeout => Ended::Failed("call: timeout"),
            Kind::DeadlineExceeded => Ended::Failed("call: deadline exceeded"),
            Kind::CircuitOpen => Ended::Failed("call: circuit open"),
            Kind::BulkheadFull => Ended::Failed("call: bulkhead full"),
            Kind::QueueTimeout => Ended::Failed("call: queue timeout"),
            _ => Ended::Wrong("a refusal that nothing explains", refusal.to_string()),
        };
    }
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&**error);
    while let Some(error) = cause {
        if error.is::<hyper::Error>() || error.is::<legacy::Error>() || error.is::<io::Error>() {
            return Ended::Failed(Tally::LOST);
        }
        cause = error.source();
    }
    Ended::Wrong("an error that nothing explains", format!("{error:?}"))
}

/// What the server may answer in place of what was asked for.
fn refused(status: StatusCode, body: &[u8]) -> Ended {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    match (status.as_u16(), said["kind"].as_str()) {
        (409, Some("in_flight")) => Ended::Failed("answer: in flight"),
        (503, Some("bulkhead_full")) => Ended::Failed("answer: bulkhead full"),
        (503, Some("queue_timeout")) => Ended::Failed("answer: queue timeout"),
        (504, Some("timeout")) => Ended::Failed("answer: timeout"),
        (504, Some("deadline_exceeded")) => Ended::Failed("answer: deadline exceeded"),
        (_, kind) => Ended::Wrong(
            "an answer that nothing explains",
            format!("{status} {kind:?}, {} bytes", body.len()),
        ),
    }
}
