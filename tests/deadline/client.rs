//! What the client's layer says to the next hop, and when it makes no call.

use std::time::Duration;

use futures::executor::block_on;
use mainstay::context::Field;
use mainstay::deadline::{DeadlineClientConfig, DeadlineClientLayer, Format};
use mainstay::{Deadline, Executed, Kind};
use tower::Layer;

use crate::kit::{Note, call, client, grpc, millis, noted, refusal};
use crate::{MS, SECOND};

const NANO: Duration = Duration::from_nanos(1);

/// The longest time that is shorter.
fn less(time: Duration) -> Duration {
    time.saturating_sub(NANO)
}

/// Keeps 5 ms back, as by default.
fn plain() -> DeadlineClientConfig {
    DeadlineClientConfig::default()
}

fn said(seen: &Note) -> Vec<(&str, &str)> {
    seen.fields()
}

#[tokio::test(start_paused = true)]
async fn the_least_of_what_is_left_the_maximum_and_the_callers_own_is_said_once() {
    let (inner, _, book) = noted();
    let service = client(plain().max(100 * MS)).layer(inner);
    let in_50 = Deadline::within(50 * MS);
    let in_80 = Deadline::within(80 * MS);
    for (note, around, expected) in [
        (Note::default(), None, "100"),
        (Note::default(), Some(in_50), "45"),
        (Note::default().holding(in_50), None, "45"),
        (Note::default().holding(in_80), Some(in_50), "45"),
        (Note::default().holding(in_50), Some(in_80), "45"),
        (millis(40), Some(in_50), "40"),
        (millis(9000), Some(in_50), "45"),
        (millis(9000), None, "100"),
        (millis(60).with("x-request-timeout-ms", "30"), None, "30"),
        (
            millis("what").with("x-request-timeout-ms", "+1"),
            None,
            "100",
        ),
    ] {
        let around = around.unwrap_or(Deadline::NEVER);
        let called = around.scope(call(&service, note.clone()));
        called.await.unwrap();
        let seen = book.last().note;
        assert_eq!(
            said(&seen),
            [("x-request-timeout-ms", expected)],
            "{note:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_forwarded_field_of_another_format_is_not_passed_on() {
    let (inner, _, book) = noted();
    let forwarded = grpc("9H")
        .with("x-envoy-expected-rq-timeout-ms", "900000")
        .with("x-request-timeout-ms", "900000")
        .with("accept", "all");
    let left = Deadline::within(105 * MS);
    let service = client(plain()).layer(inner.clone());
    call(&service, forwarded.clone().holding(left))
        .await
        .unwrap();
    let seen = book.last().note;
    assert_eq!(
        said(&seen),
        [("accept", "all"), ("x-request-timeout-ms", "100")]
    );

    let in_grpc = client(plain()).formats([Format::GRPC_TIMEOUT]);
    let service = in_grpc.layer(inner);
    call(&service, forwarded.clone().holding(left))
        .await
        .unwrap();
    let seen = book.last().note;
    assert_eq!(
        said(&seen),
        [("accept", "all"), ("grpc-timeout", "100000u")]
    );
}

#[test]
fn without_a_deadline_nothing_is_said_and_nothing_old_is_passed_on() {
    let (inner, _, book) = noted();
    let service = client(plain()).layer(inner);
    let other = Note::default()
        .with("x-envoy-expected-rq-timeout-ms", "5")
        .with("grpc-timeout", "1S")
        .with("x-request-timeout-ms", "soon");
    for note in [
        Note::default(),
        other,
        Note::default().holding(Deadline::NEVER),
    ] {
        assert!(block_on(call(&service, note.clone())).is_ok());
        let seen = book.last();
        assert_eq!(said(&seen.note), [], "{note:?}");
        assert_eq!(seen.note.deadline(), note.deadline());
        assert_eq!(seen.current, None);
    }
}

#[test]
fn a_malformed_field_of_a_name_of_ones_own_is_not_passed_on_either() {
    let (inner, _, book) = noted();
    let named = Format::millis(Field::new("x-left").unwrap());
    let service = client(plain()).formats([named]).layer(inner);
    let note = Note::default().with("x-left", "soon");
    assert!(block_on(call(&service, note)).is_ok());
    assert_eq!(said(&book.last().note), []);
}

#[tokio::test(start_paused = true)]
async fn it_is_said_in_each_format_that_was_asked_for() {
    let (inner, _, book) = noted();
    let named = Format::millis(Field::new("x-left").unwrap());
    let formats = [Format::GRPC_TIMEOUT, named, Format::ENVOY_EXPECTED];
    let service = client(plain().margin(Duration::ZERO))
        .formats(formats)
        .layer(inner);
    let left = Deadline::within(1500 * Duration::from_micros(1));
    let note = millis(7).with("x-left", "2").holding(left);
    call(&service, note).await.unwrap();
    let seen = book.last().note;
    let expected = [
        ("grpc-timeout", "1500000n"),
        ("x-left", "1"),
        ("x-envoy-expected-rq-timeout-ms", "1"),
    ];
    assert_eq!(said(&seen), expected);

    let little = Note::default().holding(Deadline::within(less(MS)));
    let refusal = refusal(call(&service, little).await);
    assert_eq!(
        refusal.executed(),
        Executed::No,
        "two of the three cannot say it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_without_formats_says_nothing_and_bounds_the_call() {
    let (inner, _, book) = noted();
    let service = client(plain()).formats([]).layer(inner);
    let left = Deadline::within(SECOND);
    call(&service, millis(1).holding(left)).await.unwrap();
    let seen = book.last();
    assert_eq!((said(&seen.note), seen.current), (vec![], Some(left)));
}

#[tokio::test(start_paused = true)]
async fn nothing_left_is_refused_here_and_nobody_is_called() {
    let (inner, watch, _) = noted();
    let layer = client(plain());
    let service = layer.layer(inner);
    for left in [Duration::ZERO, NANO, 5 * MS, less(6 * MS)] {
        let note = Note::default().holding(Deadline::within(left));
        let refusal = refusal(call(&service, note).await);
        assert_eq!(refusal.kind(), Kind::DeadlineExceeded, "{left:?}");
        assert_eq!(refusal.executed(), Executed::No, "{left:?}");
        assert_eq!(refusal.layer(), "db");
    }
    assert_eq!(
        refusal(call(&service, millis(0)).await).executed(),
        Executed::No
    );
    assert_eq!(watch.calls(), 0);

    let note = Note::default().holding(Deadline::within(6 * MS));
    assert!(call(&service, note).await.is_ok());

    layer.handle().reconfigure(plain().min(10 * MS)).unwrap();
    for (left, is_made) in [(less(15 * MS), false), (15 * MS, true)] {
        let note = Note::default().holding(Deadline::within(left));
        assert_eq!(call(&service, note).await.is_ok(), is_made, "{left:?}");
    }
    assert_eq!(watch.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_request_and_the_task_below_have_the_deadline_at_which_the_call_ends() {
    let (inner, _, book) = noted();
    let service = client(plain().max(100 * MS)).layer(inner);
    for (held, ends) in [
        (Deadline::NEVER, 105 * MS),
        (Deadline::within(SECOND), 105 * MS),
        (Deadline::within(60 * MS), 60 * MS),
    ] {
        call(&service, Note::default().holding(held)).await.unwrap();
        let seen = book.last();
        let ends = Some(Deadline::within(ends));
        assert_eq!((seen.note.deadline(), seen.current), (ends, ends));
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_times_do_not_overflow() {
    for (margin, max) in [
        (Duration::ZERO, less(Duration::MAX)),
        (Duration::MAX, less(Duration::MAX)),
        (Duration::MAX, Duration::from_millis(u64::MAX)),
    ] {
        let (inner, _, book) = noted();
        let service = client(plain().margin(margin).max(max)).layer(inner);
        assert!(call(&service, Note::default()).await.is_ok());
        // Past 584 years a setting is no bound.
        assert_eq!(said(&book.last().note), [], "{max:?}");
    }
    let (inner, _, book) = noted();
    let years = 100 * 365 * 24 * 3600 * SECOND;
    let layer = client(plain().margin(Duration::MAX).max(years));
    let service = layer.formats([Format::GRPC_TIMEOUT]).layer(inner);
    assert!(call(&service, Note::default()).await.is_ok());
    assert_eq!(said(&book.last().note), [("grpc-timeout", "52560000M")]);
    assert_eq!(book.last().current, None, "it ends beyond the clock");
}

#[test]
fn settings_out_of_range_are_refused_by_name_and_the_old_ones_stay() {
    let layer = client(plain().max(SECOND));
    let wrong = [
        (
            plain().max(Duration::ZERO),
            "max is 0ns, but must be above zero",
        ),
        (
            plain().max(MS).min(2 * MS),
            "min is 2ms, but must be at most `max`",
        ),
    ];
    for (config, said) in wrong {
        let error = DeadlineClientLayer::new("db", config.clone()).unwrap_err();
        assert_eq!(error.to_string(), said);
        assert!(layer.handle().reconfigure(config).is_err());
    }
    assert_eq!(layer.handle().config(), plain().max(SECOND));
    layer.handle().reconfigure(plain().max(MS).min(MS)).unwrap();
}
