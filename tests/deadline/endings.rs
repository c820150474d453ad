//! When a call ends, and how, on both sides.

use std::future::{pending, poll_fn};
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use mainstay::deadline::{DeadlineClientConfig, DeadlineServerConfig};
use mainstay::test_util::{Act, Stepper};
use mainstay::{Deadline, Error, Executed, Kind, Rejection, StackError};
use tokio::time::{Instant, advance};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::kit::{Note, call, client, grpc, millis, noted, refusal, server};
use crate::{MS, SECOND};

/// tokio's timers have a grain of one millisecond, and never fire early.
const GRAIN: Duration = MS;

#[tokio::test(start_paused = true)]
async fn a_handler_is_ended_when_its_deadline_passes_and_not_before() {
    let (inner, watch, _) = noted();
    let service = server(DeadlineServerConfig::default()).layer(inner);
    watch.otherwise(Act::answer().after(249 * MS));
    assert!(call(&service, millis(250)).await.is_ok());

    watch.otherwise(Act::hang());
    let began = Instant::now();
    let refusal = refusal(call(&service, grpc("250m")).await);
    assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
    assert_eq!(refusal.executed(), Executed::Unknown);
    let (limit, elapsed) = refusal.limit_and_elapsed().unwrap();
    assert_eq!((limit, elapsed), (250 * MS, began.elapsed()));
    assert!(
        (250 * MS..=250 * MS + GRAIN).contains(&elapsed),
        "{elapsed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_is_ended_a_margin_after_what_was_said_and_not_after_the_deadline() {
    let config = DeadlineClientConfig::default().max(100 * MS);
    for (held, caller, kind, ends) in [
        (Duration::MAX, None, Kind::Timeout, 105 * MS),
        (SECOND, None, Kind::Timeout, 105 * MS),
        (50 * MS, None, Kind::DeadlineExceeded, 50 * MS),
        (SECOND, Some(40), Kind::DeadlineExceeded, 45 * MS),
    ] {
        let (inner, watch, _) = noted();
        watch.otherwise(Act::hang());
        let service = client(config.clone()).layer(inner);
        let note = caller.map_or_else(Note::default, millis);
        let began = Instant::now();
        let called = call(&service, note.holding(Deadline::within(held)));
        let refusal = refusal(called.await);
        assert_eq!(
            (refusal.kind(), refusal.executed()),
            (kind, Executed::Unknown)
        );
        assert_eq!(refusal.limit_and_elapsed().unwrap().0, ends);
        assert!((ends..=ends + GRAIN).contains(&began.elapsed()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_ready_in_the_poll_of_the_expiry_wins() {
    for act in [Act::answer(), Act::fail()] {
        let (inner, watch, _) = noted();
        watch.otherwise(act.when_released());
        let server = server(DeadlineServerConfig::default()).layer(inner.clone());
        let client = client(DeadlineClientConfig::default()).layer(inner);
        let mut late = Stepper::new(server.oneshot(millis(50)));
        let mut later = Stepper::new(client.oneshot(millis(50)));
        assert!(late.step().is_pending() && later.step().is_pending());
        advance(SECOND).await;
        watch.release();
        for step in [late.step(), later.step()] {
            let Poll::Ready(answer) = step else {
                panic!("it was released");
            };
            assert!(!matches!(answer, Err(Error::Rejected(_))), "{answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_inner_future_is_gone_before_the_refusal_is_there() {
    let (inner, watch, _) = noted();
    watch.otherwise(Act::hang());
    let mut service = server(DeadlineServerConfig::default()).layer(inner);
    let mut call = Box::pin(service.ready().await.unwrap().call(millis(50)));
    let refused = poll_fn(|cx| call.as_mut().poll(cx)).await;
    // `call` itself is still alive.
    assert_eq!((watch.alive().futures(), watch.alive().running()), (0, 0));
    assert_eq!(refusal(refused).kind(), Kind::DeadlineExceeded);
}

/// An error type of the user's, made from the refusal in the very moment it is returned.
#[tokio::test(start_paused = true)]
async fn the_inner_future_is_gone_before_the_refusal_becomes_an_error() {
    static ORDER: Mutex<Vec<&str>> = Mutex::new(Vec::new());

    #[derive(Debug)]
    struct Ours;
    impl From<Rejection> for Ours {
        fn from(_: Rejection) -> Self {
            ORDER.lock().unwrap().push("refused");
            Self
        }
    }
    impl StackError for Ours {
        fn rejection(&self) -> Option<&Rejection> {
            None
        }
    }
    struct Dropped;
    impl Drop for Dropped {
        fn drop(&mut self) {
            ORDER.lock().unwrap().push("dropped");
        }
    }

    let inner = service_fn(|_: Note| async {
        let _dropped = Dropped;
        pending::<Result<(), Ours>>().await
    });
    let service = server(DeadlineServerConfig::default()).layer(inner);
    assert!(service.oneshot(millis(50)).await.is_err());
    assert_eq!(*ORDER.lock().unwrap(), ["dropped", "refused"]);
}

#[test]
fn a_handler_that_is_ready_at_once_needs_no_timer_and_so_no_runtime() {
    let (inner, _, _) = noted();
    let server = server(DeadlineServerConfig::default()).layer(inner.clone());
    let client = client(DeadlineClientConfig::default()).layer(inner);
    for note in [millis(50), Note::default()] {
        assert!(futures::executor::block_on(call(&server, note.clone())).is_ok());
        assert!(futures::executor::block_on(call(&client, note)).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn an_endless_call_is_never_ended() {
    let (inner, watch, _) = noted();
    watch.otherwise(Act::answer().after(50 * 365 * 24 * 3600 * SECOND));
    let server = server(DeadlineServerConfig::default()).layer(inner.clone());
    let client = client(DeadlineClientConfig::default()).layer(inner);
    assert!(call(&server, Note::default()).await.is_ok());
    assert!(call(&client, Note::default()).await.is_ok());
}
