//! What is counted, and what is never said.

use std::collections::BTreeMap;

use mainstay::Executed;
use mainstay::idempotency::{Duplicates, IdempotencyConfig, StoreDown};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::time::sleep;

use crate::desk::{Act, LEASE, MILLI, SECOND, Shop, keyed, pay, settled, unkeyed};
use crate::shelf::{Fault, Op, Shelf};

/// What changed since it was last asked: metrics by name and, where there is one, the label besides
/// `layer` and `name`.
fn counted(snapshotter: &Snapshotter) -> BTreeMap<String, i64> {
    let all = snapshotter.snapshot().into_vec().into_iter();
    let values = all.filter_map(|(key, _, _, value)| {
        let mut name = key.key().name().trim_start_matches("mainstay_").to_owned();
        for label in key.key().labels() {
            match label.key() {
                "layer" => assert_eq!(label.value(), "idempotency"),
                "name" => assert_eq!(label.value(), "pay"),
                _ => name = format!("{name} {}", label.value()),
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "small")]
        let value = match value {
            DebugValue::Counter(count) => i64::try_from(count).unwrap(),
            DebugValue::Gauge(value) => value.round() as i64,
            DebugValue::Histogram(_) => unreachable!("there is none"),
        };
        (value != 0).then_some((name, value))
    });
    values.collect()
}

fn recorded<F: Future>(test: impl FnOnce(Snapshotter) -> F) -> F::Output {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(test(snapshotter)))
}

fn expect(snapshotter: &Snapshotter, expected: &[(&str, i64)]) {
    let expected: BTreeMap<_, _> = expected
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect();
    assert_eq!(counted(snapshotter), expected);
}

const CALLS: [&str; 4] = [
    "calls_total ok",
    "calls_total error",
    "calls_total rejected",
    "calls_total cancelled",
];

#[test]
fn each_call_is_counted_once_and_executions_by_what_came_of_them() {
    recorded(|snapshotter| async move {
        let acts = [
            Act::Answer,
            Act::Huge,
            Act::Refuse(Executed::No),
            Act::Refuse(Executed::Unknown),
            Act::Answer,
            Act::AnswerAfter(SECOND),
        ];
        let shop = Shop::open(IdempotencyConfig::default(), acts);
        for key in ["a", "b", "c", "d"] {
            drop(shop.call(keyed(key, "")).await);
        }
        shop.call(unkeyed()).await.unwrap();
        shop.call(keyed("a", "")).await.unwrap();
        shop.call(keyed("b", "")).await.unwrap_err();
        shop.call(keyed("a", "other")).await.unwrap_err();
        let leaves = shop.begin(pay()).await;
        leaves.abort();
        sleep(SECOND * 2).await;
        expect(
            &snapshotter,
            &[
                (CALLS[0], 4),
                (CALLS[1], 2),
                (CALLS[2], 2),
                (CALLS[3], 1),
                ("rejections_total result_unavailable", 1),
                ("rejections_total key_reused", 1),
                ("idempotency_replays_total", 1),
                ("idempotency_executions_total keep", 2),
                ("idempotency_executions_total tombstone", 1),
                ("idempotency_executions_total release", 1),
                ("idempotency_executions_total unknown", 1),
            ],
        );
    });
}

#[test]
fn gauges_follow_what_runs_and_what_waits() {
    recorded(|snapshotter| async move {
        let max = SECOND;
        let config = IdempotencyConfig::default().duplicates(Duplicates::Wait { max });
        let shop = Shop::open(config, [Act::AnswerAfter(SECOND * 2)]);
        let first = shop.begin(pay()).await;
        let _second = shop.begin(pay()).await;
        let running = [("idempotency_executing", 1), ("idempotency_waiting", 1)];
        expect(&snapshotter, &running);
        first.await.unwrap().unwrap();
        settled().await;
        let after = [
            (CALLS[0], 1),
            (CALLS[2], 1),
            ("rejections_total in_flight", 1),
            ("idempotency_executions_total keep", 1),
            ("idempotency_executing", -1),
            ("idempotency_waiting", -1),
        ];
        expect(&snapshotter, &after);
    });
}

#[test]
fn a_takeover_is_counted_on_both_sides() {
    recorded(|snapshotter| async move {
        let again = IdempotencyConfig::at_least_once();
        let shelf = Shelf::default();
        let slow = Shop::over(&shelf, again, [Act::AnswerAfter(LEASE + SECOND)]);
        slow.node.always(Op::Renew, Fault::Hang);
        let first = slow.begin(pay()).await;
        sleep(LEASE + MILLI).await;
        let lost = [
            ("idempotency_executing", 1),
            ("idempotency_lease_lost_total", 1),
        ];
        expect(&snapshotter, &lost);
        Shop::over(&shelf, again, []).call(pay()).await.unwrap();
        first.await.unwrap().unwrap();
        expect(
            &snapshotter,
            &[
                (CALLS[0], 2),
                ("idempotency_takeovers_total", 1),
                ("idempotency_superseded_total", 1),
                ("idempotency_replays_total", 1),
                ("idempotency_executions_total keep", 2),
                ("idempotency_executing", -1),
            ],
        );
    });
}

#[test]
fn a_store_in_trouble_is_seen() {
    recorded(|snapshotter| async move {
        let open = IdempotencyConfig::default().store_down(StoreDown::Run);
        let shop = Shop::open(open, []);
        shop.node.always(Op::Claim, Fault::Error);
        shop.call(pay()).await.unwrap();
        shop.node.always(Op::Claim, Fault::None);
        shop.node.next(Op::Finish, Fault::Error);
        shop.node.next(Op::Finish, Fault::Error);
        shop.call(keyed("k-2", "")).await.unwrap();
        sleep(SECOND).await;
        expect(
            &snapshotter,
            &[
                (CALLS[0], 2),
                ("idempotency_bypassed_total store_down", 1),
                ("idempotency_finish_failed_total", 1),
                ("idempotency_executions_total keep", 2),
            ],
        );
    });
}

/// Fault 11: whoever was superseded and cannot learn by what, was superseded once.
#[test]
fn an_execution_is_superseded_once() {
    recorded(|snapshotter| async move {
        let again = IdempotencyConfig::at_least_once();
        let shelf = Shelf::default();
        let slow = Shop::over(&shelf, again, [Act::AnswerAfter(LEASE + SECOND)]);
        slow.node.always(Op::Renew, Fault::Hang);
        let first = slow.begin(pay()).await;
        sleep(LEASE + MILLI).await;
        Shop::over(&shelf, again, []).call(pay()).await.unwrap();
        slow.node.always(Op::Claim, Fault::Error);
        first.await.unwrap().unwrap_err();
        sleep(LEASE).await;
        let counted = counted(&snapshotter);
        assert_eq!(counted.get("idempotency_superseded_total"), Some(&1));
        assert_eq!(counted.get("idempotency_executing"), None, "{counted:?}");
    });
}

/// A key that is given back on purpose is no lost lease.
#[test]
fn a_release_that_takes_its_time_loses_no_lease() {
    recorded(|snapshotter| async move {
        let config = IdempotencyConfig::default()
            .lease(SECOND)
            .store_timeout(MILLI * 900);
        let shop = Shop::open(config, []);
        shop.node.always(Op::Release, Fault::SlowReply(MILLI * 800));
        let inner = Broken;
        let service = tower::Layer::layer(&shop.layer, inner);
        tower::ServiceExt::oneshot(service, pay())
            .await
            .unwrap_err();
        expect(&snapshotter, &[(CALLS[1], 1)]);
    });
}

/// Never ready.
#[derive(Clone)]
struct Broken;

impl tower::Service<crate::desk::Request> for Broken {
    type Response = crate::desk::Response;
    type Error = tower::BoxError;
    type Future = std::future::Pending<crate::desk::Answer>;

    fn poll_ready(
        &mut self,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), tower::BoxError>> {
        std::task::Poll::Ready(Err("it is broken".into()))
    }

    fn call(&mut self, _request: crate::desk::Request) -> Self::Future {
        std::future::pending()
    }
}

/// A caller that leaves its claim on its way has left: its call does not wait for the claim to be counted.
#[test]
fn a_call_is_counted_as_its_caller_leaves() {
    recorded(|snapshotter| async move {
        let shop = Shop::open(IdempotencyConfig::default(), []);
        shop.node.always(Op::Claim, Fault::Hang);
        let call = shop.begin(pay()).await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        expect(&snapshotter, &[(CALLS[3], 1)]);
    });
}

/// A panic is an execution of unknown outcome, and its call was cancelled.
#[test]
fn a_panic_is_counted() {
    recorded(|snapshotter| async move {
        let shop = Shop::open(IdempotencyConfig::default(), [Act::Panic]);
        let call = shop.begin(pay()).await;
        assert!(call.await.unwrap_err().is_panic());
        let unknown = [(CALLS[3], 1), ("idempotency_executions_total unknown", 1)];
        expect(&snapshotter, &unknown);
    });
}

/// Fault 43.
#[test]
fn no_key_scope_or_body_is_in_what_is_said() {
    const SECRET: &str = "4242-4242";
    recorded(|snapshotter| async move {
        let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let writer = std::sync::Arc::clone(&said);
        let subscriber = Listener {
            said: writer,
            ..Listener::default()
        };
        // With only one listener tracing asks whoever registers a callsite first, which may be a thread
        // that listens to nothing.
        let _second = tracing::Dispatch::new(Listener::default());
        let _listening = tracing::subscriber::set_default(subscriber);

        let shop = Shop::open(
            IdempotencyConfig::at_least_once(),
            [Act::Answer, Act::Huge, Act::UntilLost, Act::Fail],
        );
        let secret = |key: &str| crate::desk::Request {
            tenant: Some(SECRET),
            ..keyed(&format!("{SECRET}{key}"), SECRET)
        };
        let mut texts = Vec::new();
        for key in ["a", "a", "b", "b", "c", "d", "d"] {
            let answer = shop.call(secret(key)).await;
            texts.push(format!("{answer:?}"));
        }
        texts.push(format!("{:?} {:?}", shop.layer, shop.layer.handle()));
        let mut service = tower::Layer::layer(&shop.layer, shop.desk.service());
        texts.push(format!("{service:?}"));
        texts.push(format!(
            "{:?}",
            tower::Service::call(&mut service, secret("e"))
        ));
        for run in &*shop.desk.runs.lock().unwrap() {
            texts.push(format!("{:?}", run.execution));
        }
        for (key, ..) in snapshotter.snapshot().into_vec() {
            texts.push(format!("{key:?}"));
        }
        let events = said.lock().unwrap();
        assert!(
            events
                .iter()
                .any(|event| event.contains("a lease was lost")),
            "{events:?}"
        );
        texts.extend(events.iter().cloned());
        for text in texts {
            assert!(!text.contains("4242"), "{text}");
        }
    });
}

/// The handler runs in a task of its own, in the span of its caller.
#[tokio::test(start_paused = true)]
async fn what_a_handler_says_is_in_the_span_of_its_caller() {
    let listener = Listener::default();
    let said = std::sync::Arc::clone(&listener.said);
    let _second = tracing::Dispatch::new(Listener::default());
    let _listening = tracing::subscriber::set_default(listener);
    let shop = Shop::open(IdempotencyConfig::default(), []);
    let inner = tower::service_fn(|_: crate::desk::Request| async {
        sleep(SECOND).await;
        tracing::info!("at work");
        Err::<crate::desk::Response, _>(tower::BoxError::from("done"))
    });
    let service = tower::Layer::layer(&shop.layer, inner);
    let call = tower::ServiceExt::oneshot(service, pay());
    let call = tracing::Instrument::instrument(call, tracing::info_span!("request"));
    call.await.unwrap_err();
    let said = said.lock().unwrap();
    let at_work = said.iter().find(|event| event.contains("at work"));
    assert!(
        at_work.is_some_and(|event| event.starts_with("request:")),
        "{said:?}"
    );
}

/// Writes down every event, whole, after the span that it is in.
#[derive(Default)]
struct Listener {
    said: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
    spans: std::sync::Mutex<Vec<&'static tracing::Metadata<'static>>>,
    entered: std::sync::Mutex<Vec<tracing::span::Id>>,
}

impl Listener {
    fn innermost(&self) -> Option<(tracing::span::Id, &'static tracing::Metadata<'static>)> {
        let id = self.entered.lock().unwrap().last()?.clone();
        let at = usize::try_from(id.into_u64()).unwrap() - 1;
        Some((id, self.spans.lock().unwrap()[at]))
    }
}

impl tracing::Subscriber for Listener {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        let mut spans = self.spans.lock().unwrap();
        spans.push(span.metadata());
        tracing::span::Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _span: &tracing::span::Id, _values: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _span: &tracing::span::Id, _follows: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let span = self.innermost().map_or("", |(_, span)| span.name());
        self.said.lock().unwrap().push(format!("{span}: {event:?}"));
    }

    fn enter(&self, span: &tracing::span::Id) {
        self.entered.lock().unwrap().push(span.clone());
    }

    fn exit(&self, _span: &tracing::span::Id) {
        self.entered.lock().unwrap().pop();
    }

    fn current_span(&self) -> tracing_core::span::Current {
        let innermost = self.innermost();
        innermost.map_or_else(tracing_core::span::Current::none, |(id, span)| {
            tracing_core::span::Current::new(id, span)
        })
    }
}
