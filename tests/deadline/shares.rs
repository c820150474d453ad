//! What happens to requests that have no time left when they arrive.

use mainstay::deadline::{DeadlineServerConfig, Expired};
use mainstay::test_util::Act;
use mainstay::{Deadline, Executed, Kind, Ratio};
use tokio::time::{Instant, advance};
use tower::Layer;

use crate::SECOND;
use crate::kit::{Note, call, grpc, millis, noted, refusal, server};

fn observed() -> DeadlineServerConfig {
    DeadlineServerConfig::default().expired(Expired::Observe)
}

fn share(percent: u8) -> DeadlineServerConfig {
    DeadlineServerConfig::default().refusals_max(Ratio::percent(percent).unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_is_let_through_is_as_one_that_said_nothing() {
    for config in [observed(), share(0)] {
        let (inner, watch, book) = noted();
        watch.otherwise(Act::answer().after(SECOND));
        let service = server(config.clone()).layer(inner.clone());
        let late = millis(0).with("grpc-timeout", "9S").with("other", "kept");
        assert!(
            call(&service, late.clone()).await.is_ok(),
            "it runs to its end"
        );
        let seen = book.last();
        assert_eq!((seen.note.deadline(), seen.current), (None, None));
        assert_eq!(seen.note.fields(), [("other", "kept")]);

        let bounded = server(config.default_time(SECOND / 2).max(9 * SECOND)).layer(inner);
        let refusal = refusal(call(&bounded, late).await);
        assert_eq!(refusal.executed(), Executed::Unknown);
        assert_eq!(refusal.limit_and_elapsed().unwrap().0, SECOND / 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_let_through_keeps_the_deadline_that_held_before() {
    let (inner, _, book) = noted();
    let service = server(observed()).layer(inner);
    let before = Deadline::within(SECOND);
    call(&service, millis(0).holding(before)).await.unwrap();
    assert_eq!(book.last().current, Some(before));
    assert_eq!(book.last().note.deadline(), Some(before));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_held_before_and_has_passed_is_the_end_in_every_mode() {
    let passed = Deadline::at(Instant::now());
    for config in [observed(), share(0), share(50)] {
        let (inner, watch, _) = noted();
        let service = server(config).layer(inner);
        for note in [Note::default(), millis(0), millis(9000)] {
            let inherited = refusal(call(&service, note.clone().holding(passed)).await);
            assert_eq!(inherited.executed(), Executed::No);
            let around = refusal(passed.scope(call(&service, note)).await);
            assert_eq!(around.kind(), Kind::DeadlineExceeded);
        }
        assert_eq!(watch.calls(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_share_of_what_arrives_is_refused() {
    let (inner, watch, _) = noted();
    let layer = server(share(20));
    let services = [layer.layer(inner.clone()), layer.layer(inner)];
    let mut refused = 0;
    for turn in 0..100 {
        let answer = call(&services[turn % 2], grpc("0S")).await;
        refused += u32::from(answer.is_err());
        assert!(
            refused * 5 <= u32::try_from(turn).unwrap() + 1,
            "turn {turn}"
        );
    }
    assert_eq!((refused, watch.calls()), (20, 80));
}

#[tokio::test(start_paused = true)]
async fn requests_in_time_make_room_for_refusals_and_ten_seconds_later_no_more() {
    let (inner, _, _) = noted();
    let service = server(share(50)).layer(inner);
    for note in [millis(100), Note::default(), millis("x")] {
        assert!(call(&service, note).await.is_ok());
    }
    advance(9 * SECOND).await;
    for is_refused in [true, true, true, false] {
        assert_eq!(call(&service, millis(0)).await.is_err(), is_refused);
    }
    assert!(call(&service, Note::default()).await.is_ok());
    advance(SECOND).await;
    for is_refused in [false, true] {
        assert_eq!(call(&service, millis(0)).await.is_err(), is_refused, "anew");
    }
}

/// They are refused whatever the share is, and use none of it up.
#[tokio::test(start_paused = true)]
async fn those_whose_deadline_from_before_has_passed_arrived_too() {
    let (inner, _, _) = noted();
    let service = server(share(50)).layer(inner);
    let passed = Deadline::at(Instant::now());
    for (note, is_refused) in [
        (millis(0), false),
        (Note::default().holding(passed), true),
        (millis(0), true),
        (millis(0), true),
        (millis(0), false),
    ] {
        let answer = call(&service, note.clone()).await;
        assert_eq!(answer.is_err(), is_refused, "{note:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_mode_can_be_changed_while_it_runs() {
    let (inner, _, _) = noted();
    let layer = server(observed());
    let (service, handle) = (layer.layer(inner), layer.handle());
    for (config, is_refused) in [
        (observed(), false),
        (DeadlineServerConfig::default(), true),
        (share(0), false),
        (share(100), true),
        (share(1), false),
        (observed().refusals_max(Ratio::ONE), false),
    ] {
        handle.reconfigure(config.clone()).unwrap();
        assert_eq!(handle.config(), config);
        assert_eq!(
            call(&service, millis(0)).await.is_err(),
            is_refused,
            "{config:?}"
        );
    }
}
