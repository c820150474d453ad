//! What is said: the first stale token under each floor.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use mainstay::coordination::FencingGate;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

use crate::kit::{call, ledger, of_term, resource};

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

#[tokio::test]
async fn the_first_stale_token_under_each_floor_is_an_event_and_the_others_are_not() {
    let events = Events::default();
    // With one subscriber alone, an event that another thread is the first to come to is taken to
    // interest nobody, ever.
    let _second = Dispatch::new(events.clone());
    let _told = tracing::subscriber::set_default(events.clone());
    let gate = FencingGate::in_memory(None);
    let (service, _) = resource(ledger(&gate));
    for number in [1, 3, 2, 1, 2, 3, 7, 3, 7, 1] {
        drop(call(&service, of_term(number)).await);
    }
    let lines = events.0.lock().unwrap().clone();
    let expected = [
        "term 2 is over: term 3 has begun",
        "term 3 is over: term 7 has begun",
    ];
    let expected = expected.map(|detail| {
        format!("message=a stale token was refused layer=fencing name=ledger detail={detail}")
    });
    assert_eq!(lines, expected);
}
