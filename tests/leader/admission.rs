//! Who is let in, and with what.

use futures::FutureExt;
use mainstay::coordination::{LeaderConfig, LeaderLayer, ManualClock, ManualSeat, NodeId};
use mainstay::{Executed, Kind};
use tower::{Service, ServiceExt};

use super::kit::{Note, REFUSED, apart, bench, refusal, said, timing, token, with};
use super::{MS, NS};

#[tokio::test(start_paused = true)]
async fn a_follower_refuses_at_once_says_who_leads_and_passes_nothing_on() {
    let bench = bench();
    let answer = bench.call().now_or_never().expect("at once");
    assert_eq!(said(answer), REFUSED, "nobody is known yet");
    bench.seat.follow(Some(NodeId(7)));
    let answer = bench.call().now_or_never().expect("at once");
    assert_eq!(
        said(answer),
        (Kind::NotLeader, Executed::No, Some(NodeId(7)))
    );
    assert_eq!(
        (bench.watch.calls(), bench.seen.lock().unwrap().len()),
        (0, 0)
    );
    bench.assert_nothing_is_left();
}

#[tokio::test(start_paused = true)]
async fn a_leaders_calls_pass_and_carry_the_token_of_the_present_term() {
    let bench = bench();
    for number in [1, 9, 10, u64::MAX] {
        let term = bench.seat.lead(token(number));
        bench.call().await.unwrap();
        let seen = bench.seen.lock().unwrap().pop().unwrap();
        assert_eq!(seen.field("fencing-token"), [number.to_string()]);
        assert_eq!(seen.token, Some(token(number)));
        let attached = seen.term.expect("the term itself too");
        assert_eq!(attached.token(), term.token());
        assert!(attached.is_valid());
        bench.seat.follow(None);
        assert!(!attached.is_valid(), "it is the seat's");
    }
    bench.assert_nothing_is_left();
}

#[tokio::test(start_paused = true)]
async fn what_a_peer_says_of_a_token_is_not_believed() {
    let bench = bench();
    bench.seat.lead(token(3));
    let spoofed = Note {
        token: Some(token(99)),
        ..Note::default()
    };
    let spoofed = spoofed
        .with("fencing-token", "18446744073709551615")
        .with("other", "stays")
        .with("fencing-token", "nonsense");
    bench.service.clone().oneshot(spoofed).await.unwrap();
    let seen = bench.seen.lock().unwrap().pop().unwrap();
    assert_eq!(seen.field("fencing-token"), ["3"]);
    assert_eq!(seen.field("other"), ["stays"]);
    assert_eq!(seen.token, Some(token(3)));
}

#[tokio::test(start_paused = true)]
async fn a_term_that_has_ended_by_the_clock_refuses_before_anybody_has_noticed() {
    let clock = ManualClock::default();
    let bench = apart(&clock);
    bench.seat.lead(token(1));
    clock.advance(NS * 899_999_999);
    bench.call().await.unwrap();
    clock.advance(NS);
    assert_eq!(said(bench.call().await), REFUSED);
    assert_eq!(bench.watch.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_refused_when_less_is_left_than_was_asked_for() {
    // In nanoseconds, of which a new lease may be used 900 000 000.
    for (least, left, is_admitted) in [
        (0, 1, true),
        (0, 0, false),
        (50_000_000, 50_000_000, true),
        (50_000_000, 49_999_999, false),
        (899_999_999, 900_000_000, true),
        (899_999_999, 899_999_999, true),
        (899_999_999, 899_999_998, false),
    ] {
        let clock = ManualClock::default();
        let config = LeaderConfig::default().min_remaining(NS * least);
        let bench = with(clock.clone(), config);
        bench.seat.lead(token(1));
        clock.advance(NS * (900_000_000 - left));
        let answer = bench.call().await;
        assert_eq!(answer.is_ok(), is_admitted, "{least:?} {left:?}");
        if !is_admitted {
            assert_eq!(said(answer), REFUSED);
        }
        assert!(bench.seat.renew() || left == 0);
        assert_eq!(bench.call().await.is_ok(), left > 0, "renewed");
    }
}

#[tokio::test(start_paused = true)]
async fn settings_are_checked_when_the_layer_is_built_and_when_they_are_changed() {
    let seat = ManualSeat::new(timing(), ManualClock::default());
    let too_much = LeaderConfig::default().min_remaining(900 * MS);
    let error = LeaderLayer::new("orders", seat, too_much.clone()).unwrap_err();
    assert_eq!(error.field(), "min_remaining");

    let clock = ManualClock::default();
    let bench = apart(&clock);
    let handle = bench.layer.handle();
    bench.seat.lead(token(1));
    clock.advance(800 * MS);
    bench.call().await.unwrap();
    let more = LeaderConfig::default().min_remaining(101 * MS);
    handle.reconfigure(more.clone()).unwrap();
    assert_eq!(said(bench.call().await), REFUSED);
    assert!(handle.reconfigure(too_much).is_err());
    assert_eq!(handle.config(), more, "the old ones stay");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_say_when_to_come_back_because_it_is_not_known() {
    let refusal = refusal(bench().call().await);
    assert_eq!(
        (refusal.retry_after(), refusal.limit_and_elapsed()),
        (None, None)
    );
    assert_eq!(refusal.to_string(), "orders: this node is not the leader");
}

#[tokio::test(start_paused = true)]
async fn an_inner_error_and_one_of_readiness_pass_through() {
    use mainstay::Error;
    use mainstay::test_util::{Act, Readiness};

    let bench = bench();
    bench.seat.lead(token(1));
    bench.watch.play([Act::fail()]);
    assert!(matches!(bench.call().await, Err(Error::Inner(_))));
    bench.watch.readiness(Readiness::Fail);
    let mut service = bench.service.clone();
    for _ in 0..2 {
        // Each time by a fresh instance: one that failed is not asked again.
        let answer = service.call(bench.note()).await;
        assert!(matches!(answer, Err(Error::Inner(_))));
    }
    bench.assert_nothing_is_left();
}
