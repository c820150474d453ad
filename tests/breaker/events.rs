//! One event per change of state, and none per call.

use tracing::Dispatch;

use super::*;
use crate::capture::Events;

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
