//! What is counted, what is recorded on spans, and that neither is needed.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use mainstay::trace::{Boundary, NormalizeTraceLayer, TraceClientLayer, TraceServerLayer, Writer};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tower::{Layer, ServiceBuilder};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

use crate::kit::*;

/// Keeps what is recorded on the one span that it knows, which is current at all times.
#[derive(Clone)]
struct Spans {
    level: Level,
    recorded: Arc<Mutex<Vec<(&'static str, String)>>>,
    span: Arc<Mutex<Option<(Id, &'static Metadata<'static>)>>>,
}

impl Spans {
    fn at(level: Level) -> Self {
        Self {
            level,
            recorded: Arc::default(),
            span: Arc::default(),
        }
    }

    fn take(&self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut *self.recorded.lock().unwrap())
    }
}

struct Visited<'a>(&'a mut Vec<(&'static str, String)>);

impl Visit for Visited<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = Id::from_u64(1);
        *self.span.lock().unwrap() = Some((id.clone(), span.metadata()));
        id
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Visited(&mut self.recorded.lock().unwrap()));
    }

    fn current_span(&self) -> tracing_core::span::Current {
        match &*self.span.lock().unwrap() {
            Some((id, metadata)) => tracing_core::span::Current::new(id.clone(), metadata),
            None => tracing_core::span::Current::none(),
        }
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What is recorded of one call within a span, and whether the call was in its trace.
async fn recorded<L>(
    layer: &L,
    spans: &Spans,
    span: impl FnOnce() -> tracing::Span,
) -> Vec<(&'static str, String)>
where
    L: Layer<
            Callee,
            Service: tower::Service<Request, Response = (), Error = mainstay::Error<&'static str>>,
        >,
{
    // With one subscriber alone, a span that another thread is the first to come to is taken to
    // interest nobody, ever.
    let _second = Dispatch::new(spans.clone());
    let _told = tracing::subscriber::set_default(spans.clone());
    let _span = span();
    let seen = through(layer, request([("traceparent", PARENT)])).await;
    assert_eq!(seen.sent().trace_id().to_string(), TRACE);
    spans.take()
}

#[tokio::test]
async fn ids_are_recorded_in_the_fields_that_a_span_has_and_in_no_others() {
    let server = TraceServerLayer::new("api");
    let both = ServiceBuilder::new()
        .layer(server.clone())
        .layer(TraceClientLayer::new("peer"));
    let trace = ("trace_id", TRACE.to_owned());
    let parent_id = ("parent_id", parent().span_id().to_string());

    let all = || {
        let empty = tracing::field::Empty;
        tracing::info_span!("call", trace_id = empty, parent_id = empty, span_id = empty)
    };
    let told = recorded(&server, &Spans::at(Level::INFO), all).await;
    assert_eq!(told, [trace.clone(), parent_id.clone()]);
    let told = recorded(&both, &Spans::at(Level::INFO), all).await;
    assert_eq!(told.len(), 4);
    assert_eq!(told[..3], [trace.clone(), parent_id.clone(), trace.clone()]);
    assert_eq!((told[3].0, told[3].1.len()), ("span_id", 16));

    let one = || tracing::info_span!("call", trace_id = tracing::field::Empty);
    let told = recorded(&both, &Spans::at(Level::INFO), one).await;
    assert_eq!(told, [trace.clone(), trace]);
    let none = || tracing::info_span!("call", other = tracing::field::Empty);
    assert_eq!(recorded(&both, &Spans::at(Level::INFO), none).await, []);
}

#[tokio::test]
async fn a_trace_goes_on_where_no_span_is_enabled() {
    let both = ServiceBuilder::new()
        .layer(TraceServerLayer::new("api"))
        .layer(TraceClientLayer::new("peer"));
    let off = || tracing::info_span!("call", trace_id = tracing::field::Empty);
    assert_eq!(recorded(&both, &Spans::at(Level::WARN), off).await, []);
}

#[tokio::test]
async fn a_root_is_recorded_by_its_own_id() {
    let spans = Spans::at(Level::INFO);
    let _second = Dispatch::new(spans.clone());
    let _told = tracing::subscriber::set_default(spans.clone());
    let empty = tracing::field::Empty;
    let _span = tracing::info_span!("root", trace_id = empty, parent_id = empty, span_id = empty);
    let edge = TraceServerLayer::new("api").boundary(Boundary::Restart);
    for asked in [
        Request::default(),
        request([("traceparent", "x")]),
        request([("traceparent", PARENT)]),
    ] {
        let seen = through(&edge, asked).await;
        let root = seen.attached.expect("it was begun");
        let expected = [
            ("trace_id", root.trace_id().to_string()),
            ("span_id", root.span_id().to_string()),
        ];
        assert_eq!(spans.take(), expected);
    }
}

/// What the layers of the stack counted, as `layer origin count`, and `dropped` for states.
async fn counted<L>(make: impl FnOnce() -> L, asked: Request) -> Vec<String>
where
    L: Layer<
            Callee,
            Service: tower::Service<Request, Response = (), Error = mainstay::Error<&'static str>>,
        >,
{
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let layer = metrics::with_local_recorder(&recorder, make);
    through(&layer, asked).await;
    let mut lines = Vec::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let DebugValue::Counter(count @ 1..) = value else {
            continue;
        };
        let label = |name: &str| {
            let found = key.key().labels().find(|label| label.key() == name);
            found.map_or("dropped", |label| label.value()).to_owned()
        };
        assert_eq!(label("name"), "n");
        lines.push(format!("{} {} {count}", label("layer"), label("origin")));
    }
    lines.sort();
    lines
}

#[tokio::test]
async fn each_call_is_counted_once_by_how_its_context_came() {
    let valid = || request([("traceparent", PARENT)]);
    let broken = || request([("traceparent", "x"), ("tracestate", "a=1")]);
    let server = || TraceServerLayer::new("n");
    let restarts = || server().boundary(Boundary::Restart);
    assert_eq!(counted(server, valid()).await, ["trace_server continued 1"]);
    assert_eq!(
        counted(server, Request::default()).await,
        ["trace_server minted 1"]
    );
    assert_eq!(
        counted(server, broken()).await,
        ["trace_server malformed 1"]
    );
    assert_eq!(
        counted(restarts, valid()).await,
        ["trace_server restarted 1"]
    );
    assert_eq!(
        counted(restarts, broken()).await,
        ["trace_server malformed 1"]
    );
    let bad_state = || request([("traceparent", PARENT), ("tracestate", "A=1")]);
    assert_eq!(
        counted(server, bad_state()).await,
        ["trace_server continued 1", "trace_server dropped 1"]
    );

    let client = || TraceClientLayer::new("n");
    let both = || ServiceBuilder::new().layer(server()).layer(client());
    let other = || client().writer(Writer::Other);
    assert_eq!(counted(client, valid()).await, ["trace_client minted 1"]);
    assert_eq!(
        counted(both, valid()).await,
        ["trace_client attached 1", "trace_server continued 1"]
    );
    assert_eq!(counted(other, valid()).await, ["trace_client continued 1"]);
    assert_eq!(counted(other, broken()).await, ["trace_client malformed 1"]);
    assert_eq!(counted(other, Request::default()).await, [""; 0]);

    let current = counted(client, Request::default());
    assert_eq!(parent().in_scope(current).await, ["trace_client current 1"]);

    let normalize = || NormalizeTraceLayer::new("n");
    assert_eq!(
        counted(normalize, valid()).await,
        ["trace_normalize continued 1"]
    );
    assert_eq!(
        counted(normalize, broken()).await,
        ["trace_normalize malformed 1"]
    );
    assert_eq!(
        counted(normalize, bad_state()).await,
        ["trace_normalize continued 1", "trace_normalize dropped 1"]
    );
    assert_eq!(counted(normalize, Request::default()).await, [""; 0]);
}

#[tokio::test]
async fn no_value_that_a_peer_sent_is_a_label() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let layer =
        metrics::with_local_recorder(&recorder, || TraceServerLayer::new("n").baggage(true));
    for header in [PARENT, "secret"] {
        let asked = request([
            ("traceparent", header),
            ("tracestate", "s=secret"),
            ("baggage", "b=secret"),
        ]);
        through(&layer, asked).await;
    }
    let labels = format!("{:?}", snapshotter.snapshot().into_vec());
    assert!(
        !labels.contains("secret") && !labels.contains(TRACE),
        "{labels}"
    );
}
