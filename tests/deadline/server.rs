//! What the server's layer reads, and what it gives its handler.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::executor::block_on;
use mainstay::context::Field;
use mainstay::deadline::{DeadlineServerConfig, DeadlineServerLayer, Format};
use mainstay::test_util::Act;
use mainstay::{Deadline, Error, Executed, Kind};
use tokio::time::Instant;
use tower::{Layer, service_fn};

use crate::kit::{Note, call, grpc, millis, noted, refusal, server};
use crate::{MS, SECOND};

fn plain() -> DeadlineServerConfig {
    DeadlineServerConfig::default()
}

#[expect(clippy::unnecessary_wraps, reason = "as it is found")]
fn within(left: Duration) -> Option<Deadline> {
    Some(Deadline::within(left))
}

#[tokio::test(start_paused = true)]
async fn the_handler_finds_the_deadline_on_the_request_and_in_its_task() {
    let (inner, _, book) = noted();
    let service = server(plain()).layer(inner);
    for (note, left) in [
        (millis(250), 250 * MS),
        (grpc("250m"), 250 * MS),
        (grpc("3S"), 3 * SECOND),
        (millis(100).with("grpc-timeout", "1S"), 100 * MS),
        (millis(1000).with("grpc-timeout", "100m"), 100 * MS),
    ] {
        call(&service, note.clone()).await.unwrap();
        let seen = book.last();
        assert_eq!(seen.note.deadline(), within(left), "{note:?}");
        assert_eq!(seen.current, within(left), "{note:?}");
        assert_eq!(
            seen.note.fields(),
            note.fields(),
            "they are left as they came"
        );
    }
    assert_eq!(Deadline::current(), None);
}

#[tokio::test(start_paused = true)]
async fn the_task_has_the_deadline_whenever_the_handler_runs_and_not_between() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let diary = Arc::clone(&seen);
    let handler = service_fn(move |_: Note| {
        let diary = Arc::clone(&diary);
        async move {
            for _ in 0..2 {
                diary.lock().unwrap().push(Deadline::current());
                tokio::time::sleep(10 * MS).await;
            }
            Ok::<_, Error<()>>(())
        }
    });
    let service = server(plain()).layer(handler);
    let deadline = within(250 * MS);
    let mut call = Box::pin(call(&service, millis(250)));
    poll_fn(|cx| {
        let polled = call.as_mut().poll(cx);
        assert_eq!(Deadline::current(), None, "between two polls");
        polled
    })
    .await
    .unwrap();
    assert_eq!(*seen.lock().unwrap(), [deadline, deadline]);
}

#[tokio::test(start_paused = true)]
async fn the_least_of_header_maximum_and_what_held_before_counts() {
    let (inner, _, book) = noted();
    let config = plain().max(2 * SECOND).default_time(SECOND);
    let service = server(config).layer(inner);
    let far = Deadline::within(9 * SECOND);
    let near = Deadline::within(SECOND / 2);
    for (note, around, left) in [
        (millis(300), None, 300 * MS),
        (millis(300_000), None, 2 * SECOND),
        (millis("9999999999999999999"), None, 2 * SECOND),
        (Note::default(), None, SECOND),
        (millis("soon"), None, SECOND),
        (millis(300).holding(far), Some(far), 300 * MS),
        (millis(1500).holding(near), None, SECOND / 2),
        (millis(1500), Some(near), SECOND / 2),
        (Note::default().holding(far), Some(near), SECOND / 2),
        (Note::default().holding(near), Some(far), SECOND / 2),
    ] {
        let called = call(&service, note.clone());
        let around = around.unwrap_or(Deadline::NEVER);
        around.scope(called).await.unwrap();
        let seen = book.last();
        assert_eq!(seen.note.deadline(), within(left), "{note:?} {around:?}");
        assert_eq!(seen.current, within(left), "{note:?} {around:?}");
    }
}

#[test]
fn who_says_nothing_has_no_deadline_unless_the_server_says_so() {
    let (inner, _, book) = noted();
    let service = server(plain()).layer(inner);
    for note in [Note::default(), millis(""), grpc("-1S")] {
        assert!(block_on(call(&service, note)).is_ok());
        let seen = book.last();
        assert_eq!((seen.note.deadline(), seen.current), (None, None));
    }
    let (inner, _, book) = noted();
    let bounded = server(plain().max(SECOND)).layer(inner);
    assert!(block_on(call(&bounded, Note::default())).is_ok());
    assert!(book.last().current.is_some(), "silence is no way around it");
}

#[tokio::test(start_paused = true)]
async fn the_smallest_valid_of_several_counts_and_the_malformed_do_not() {
    let (inner, _, book) = noted();
    let service = server(plain()).layer(inner);
    let several = millis("x")
        .with("x-request-timeout-ms", "700")
        .with("x-request-timeout-ms", "300")
        .with("x-request-timeout-ms", "+1")
        .with("x-request-timeout-ms", "500")
        .with("grpc-timeout", "400m")
        .with("grpc-timeout", "200");
    call(&service, several).await.unwrap();
    assert_eq!(book.last().current, within(300 * MS));

    let mut flood = millis(250);
    for value in 0..10_000_u32 {
        flood = flood.with("grpc-timeout", value.to_le_bytes());
    }
    call(&service, flood).await.unwrap();
    assert_eq!(book.last().current, within(250 * MS));
}

#[tokio::test(start_paused = true)]
async fn only_the_formats_that_were_named_are_read() {
    let (inner, _, book) = noted();
    let named = Format::millis(Field::new("x-left").unwrap());
    let layer = server(plain()).formats([named, Format::GRPC_TIMEOUT]);
    let service = layer.layer(inner);
    let note = millis(1).with("x-left", "500").with("grpc-timeout", "1S");
    call(&service, note).await.unwrap();
    assert_eq!(book.last().current, within(SECOND / 2));
    call(&service, millis(0)).await.unwrap();
    assert_eq!(book.last().current, None);
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_on_arrival_is_refused_before_anybody_sees_it() {
    let (inner, watch, _) = noted();
    let service = server(plain()).layer(inner);
    let passed = Deadline::at(Instant::now());
    for (note, around) in [
        (millis(0), Deadline::NEVER),
        (grpc("0n"), Deadline::NEVER),
        (
            millis(9000).with("grpc-timeout", "00000000H"),
            Deadline::NEVER,
        ),
        (millis(9000).holding(passed), Deadline::NEVER),
        (Note::default(), passed),
    ] {
        let refusal = refusal(around.scope(call(&service, note)).await);
        assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
        assert_eq!(refusal.executed(), Executed::No);
        assert_eq!(refusal.layer(), "api");
    }
    assert_eq!(watch.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_time_runs_from_the_arrival_and_not_from_the_first_poll() {
    let (inner, watch, _) = noted();
    watch.otherwise(Act::hang());
    let mut service = server(plain()).layer(inner);
    let arrived = Instant::now();
    let ready = tower::ServiceExt::ready(&mut service).await.unwrap();
    let kept = tower::Service::call(ready, millis(250));
    tokio::time::advance(200 * MS).await;
    let refusal = refusal(kept.await);
    assert_eq!(refusal.executed(), Executed::Unknown);
    assert!(arrived.elapsed() <= 251 * MS, "{:?}", arrived.elapsed());
}

#[test]
fn settings_out_of_range_are_refused_by_name_and_the_old_ones_stay() {
    let zero = [
        (
            plain().max(Duration::ZERO),
            "max is 0ns, but must be above zero",
        ),
        (
            plain().default_time(Duration::ZERO),
            "default_time is 0ns, but must be above zero",
        ),
    ];
    let layer = server(plain().max(SECOND));
    for (config, said) in zero {
        let error = DeadlineServerLayer::new("api", config.clone()).unwrap_err();
        assert_eq!(error.to_string(), said);
        assert!(layer.handle().reconfigure(config).is_err());
    }
    assert_eq!(layer.handle().config(), plain().max(SECOND));
}

#[tokio::test(start_paused = true)]
async fn new_settings_are_for_new_calls_of_all_services_of_the_layer() {
    let (inner, watch, book) = noted();
    watch.otherwise(Act::answer().after(SECOND));
    let layer = server(plain());
    let services = [layer.layer(inner.clone()), layer.clone().layer(inner)];
    let before = services[0].clone();
    let mut before = Box::pin(call(&before, Note::default()));
    assert!(
        poll_fn(|cx| Poll::Ready(before.as_mut().poll(cx)))
            .await
            .is_pending()
    );

    let nano = Duration::from_nanos(1);
    layer.handle().reconfigure(plain().max(nano)).unwrap();
    for service in &services {
        let refusal = refusal(call(service, Note::default()).await);
        assert_eq!(refusal.limit_and_elapsed().unwrap().0, nano);
    }
    assert!(before.await.is_ok());
    assert_eq!(book.all().len(), 3);
}
