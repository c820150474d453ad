//! What is said: the first stale token under each floor.

use mainstay::coordination::FencingGate;
use tracing::Dispatch;

use crate::capture::Events;
use crate::kit::{call, ledger, of_term, resource};

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
