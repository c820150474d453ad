//! One event per change of state, and none per call.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

use super::*;

/// Keeps the events of the crate, a line each.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, "{field}={value} ").unwrap();
    }
}

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mainstay"
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
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
async fn each_change_is_told_once_with_its_cause_and_time() {
    let events = Events::default();
    // With one subscriber alone, an event that another thread is the first to come to is taken to
    // interest nobody, ever.
    let _second = Dispatch::new(events.clone());
    let _told = tracing::subscriber::set_default(events.clone());
    let (service, handle) = breaker(config());
    calls(&service, 40, Do::Fail).await;
    advance(5 * SECOND).await;
    calls(&service, 10, Do::Ok).await;
    handle.force_open();
    calls(&service, 10, Do::Ok).await;
    let lines = events.0.lock().unwrap().clone();
    let expected = [
        ("circuit opened", "epoch 1: failure_ratio, for 5s"),
        ("circuit half open", "epoch 2"),
        ("circuit closed", "epoch 3"),
        (
            "circuit forced open",
            "epoch 4: handle, until it is told otherwise",
        ),
    ];
    let expected = expected.map(|(what, detail)| {
        format!("message={what} layer=breaker name=upstream detail={detail}")
    });
    assert_eq!(lines, expected);
}
