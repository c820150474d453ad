//! A consumer of a queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mainstay::idempotency::{
    ByMessageId, DoneOnly, Execution, Fingerprint, Hasher, IdempotencyConfig, IdempotencyLayer,
    MemoryStore, MemoryStoreConfig, OnError,
};
use mainstay::{Error, Executed, Kind, Rejection, StackError, error};
use tokio::time::sleep;
use tower::{Layer, Service, ServiceExt};

use crate::desk::{LEASE, SECOND, settled};
use crate::shelf::{Node, Shelf};

#[derive(Clone, Debug)]
struct Message {
    id: Option<&'static str>,
    body: &'static str,
}

fn message(id: &'static str) -> Message {
    Message {
        id: Some(id),
        body: "",
    }
}

type Answer = Result<(), Error<&'static str>>;

/// What a consumer does with each message in turn.
#[derive(Clone, Default)]
struct Consumer {
    runs: Arc<AtomicUsize>,
}

impl Consumer {
    fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }

    /// It takes a second, fails for `bad`, and panics for the first attempt at `poison`.
    fn service(
        &self,
        name: &'static str,
        config: IdempotencyConfig,
        node: &Node,
    ) -> impl Service<Message, Response = (), Error = Error<&'static str>, Future: Send>
    + Clone
    + Send
    + use<> {
        let runs = Arc::clone(&self.runs);
        let inner = tower::service_fn(move |message: Message| {
            runs.fetch_add(1, Ordering::Relaxed);
            let attempt = Execution::current().map(|execution| execution.attempt());
            async move {
                sleep(SECOND).await;
                match (message.body, attempt) {
                    ("bad", _) => Err("it is bad"),
                    ("poison", Some(1 | 2)) => panic!("it is poison"),
                    _ => Ok(()),
                }
            }
        });
        let id = ByMessageId::new(|message: &Message| message.id);
        let layer = IdempotencyLayer::new(name, config, id, DoneOnly::new(), node.clone());
        layer
            .unwrap()
            .single_tenant()
            .layer(error::layer().layer(inner))
    }
}

fn refused(answer: &Answer) -> Option<Kind> {
    answer.as_ref().err()?.rejection().map(Rejection::kind)
}

/// Fault 41.
#[tokio::test(start_paused = true)]
async fn a_message_in_flight_is_not_acknowledged_and_one_that_is_done_is_without_running() {
    let consumer = Consumer::default();
    let service = consumer.service(
        "ship",
        IdempotencyConfig::default(),
        &Shelf::default().node(),
    );
    let first = tokio::spawn(service.clone().oneshot(message("m")));
    settled().await;
    let second = service.clone().oneshot(message("m")).await;
    assert_eq!(refused(&second), Some(Kind::InFlight));
    assert!(first.await.unwrap().is_ok());
    assert!(service.clone().oneshot(message("m")).await.is_ok());
    assert_eq!(consumer.runs(), 1);
    // Two that say nothing of who they are, are two.
    for (id, runs) in [(None, [2, 3]), (Some(""), [4, 5])] {
        for run in runs {
            let nameless = Message { id, body: "" };
            service.clone().oneshot(nameless).await.unwrap();
            assert_eq!(consumer.runs(), run, "{id:?}");
        }
    }
}

/// Fault 41.
#[tokio::test(start_paused = true)]
async fn two_consumers_of_one_message_both_run() {
    let (consumer, node) = (Consumer::default(), Shelf::default().node());
    for name in ["ship", "bill", "ship", "bill"] {
        let service = consumer.service(name, IdempotencyConfig::default(), &node);
        service.oneshot(message("m")).await.unwrap();
    }
    assert_eq!(consumer.runs(), 2);
}

/// Fault 41.
#[tokio::test(start_paused = true)]
async fn a_failed_message_runs_again_and_a_poisonous_one_is_seen_by_its_attempt() {
    let consumer = Consumer::default();
    let again = IdempotencyConfig::at_least_once();
    let service = consumer.service("ship", again, &Shelf::default().node());
    let bad = || Message {
        body: "bad",
        ..message("m-1")
    };
    for run in 1..=2 {
        let error = service.clone().oneshot(bad()).await.unwrap_err();
        assert_eq!(error.into_inner(), Some("it is bad"));
        assert_eq!(consumer.runs(), run);
    }
    let poison = || Message {
        body: "poison",
        ..message("m-2")
    };
    for _ in 0..2 {
        let panics = tokio::spawn(service.clone().oneshot(poison())).await;
        assert!(panics.unwrap_err().is_panic());
        sleep(LEASE).await;
    }
    service.clone().oneshot(poison()).await.unwrap();
    service.oneshot(poison()).await.unwrap();
    assert_eq!(consumer.runs(), 5);
}

/// Fault 41, with what can be chosen.
#[tokio::test(start_paused = true)]
async fn what_a_message_is_and_what_its_failure_means_can_be_said() {
    let store = MemoryStore::new(MemoryStoreConfig::default()).unwrap();
    let id = ByMessageId::new(|message: &Message| message.id)
        .fingerprint_by(|message: &Message| {
            Fingerprint::hashed(Hasher::new("body").part(message.body.as_bytes()))
        })
        .required();
    let done = DoneOnly::new()
        .response(|| "seen before")
        .on_error(OnError::Tombstone);
    let config = IdempotencyConfig::default();
    let layer = IdempotencyLayer::new("ship", config, id, done, store).unwrap();
    let service = layer
        .scope(|message: &Message| (message.body != "nobody's").then_some("acme"))
        .layer(error::layer().layer(tower::service_fn(
            async |message: Message| match message.body {
                "bad" => Err("it is bad"),
                body => Ok(body),
            },
        )));
    let call = |id, body| service.clone().oneshot(Message { id, body });
    assert_eq!(call(Some("m"), "a").await.unwrap(), "a");
    assert_eq!(call(Some("m"), "a").await.unwrap(), "seen before");
    let kind = |answer: Result<&'static str, Error<&'static str>>| {
        let error = answer.unwrap_err();
        error
            .rejection()
            .map(|refusal| (refusal.kind(), refusal.executed()))
    };
    assert_eq!(
        kind(call(Some("m"), "b").await),
        Some((Kind::KeyReused, Executed::No))
    );
    for no_id in [None, Some("")] {
        let missing = Some((Kind::KeyMissing, Executed::No));
        assert_eq!(kind(call(no_id, "a").await), missing);
    }
    let nobody = call(Some("n"), "nobody's").await;
    assert_eq!(kind(nobody), Some((Kind::ScopeMissing, Executed::No)));
    assert_eq!(kind(call(Some("f"), "bad").await), None);
    let done = Some((Kind::ResultUnavailable, Executed::Yes));
    assert_eq!(kind(call(Some("f"), "bad").await), done);
}
