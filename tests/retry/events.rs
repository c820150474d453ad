//! One event per change of the budget, and one at debug level per call that is not tried again.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use mainstay::retry::{WindowedBudget, WindowedConfig};
use mainstay::{Failure, Ratio};
use tower::{Layer, ServiceExt};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

use crate::kit::*;

/// Keeps the events of the crate, a line each.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {}={value}", field.name()).unwrap();
    }
}

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mainstay"
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0.trim_end().to_owned());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn each_stop_is_told_and_each_change_of_the_budget_and_nothing_of_healthy_calls() {
    let events = Events::default();
    // With one subscriber alone, an event that another thread is the first to come to is taken to
    // interest nobody, ever.
    let _second = Dispatch::new(events.clone());
    let _told = tracing::subscriber::set_default(events.clone());
    let one_a_second = WindowedConfig::default()
        .ratio(Ratio::ZERO)
        .floor(1)
        .window(SECOND);
    let layer =
        layer(exact().base(MS).attempts(2)).budget(WindowedBudget::new(one_a_second).unwrap());
    let permanent = Step::Fail(Failure::permanent());
    for steps in [[OK, OK], [fail(), OK], [permanent, OK], [fail(), OK]] {
        let service = layer.layer(Server::new(steps));
        drop(service.oneshot(Request::default()).await);
    }
    tokio::time::sleep(10 * SECOND).await;
    let service = layer.layer(Server::failing());
    drop(service.oneshot(Request::default()).await);
    let stop = |why| format!("DEBUG message=not tried again layer=retry name=test why={why}");
    let change = |what| format!("INFO message={what} layer=retry name=test detail=");
    assert_eq!(
        *events.0.lock().unwrap(),
        [
            stop("not-transient"),
            change("the retry budget ran dry"),
            stop("budget"),
            change("the retry budget pays again"),
            stop("attempts"),
        ]
    );
}
