//! Calls whose term ends.

use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use mainstay::coordination::{LeaderConfig, LeaderLayer, ManualClock, ManualSeat, NodeId};
use mainstay::test_util::{Act, CountingWaker, Cut, drop_at_every_poll};
use mainstay::{Error, Executed, Kind, error};
use tokio::time::{Instant, advance, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::MS;
use super::kit::{CUT_OFF, Note, REFUSED, apart, bench, said, timing, token};

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_the_soft_deadline_and_is_gone_before_its_caller_hears_of_it() {
    let bench = bench();
    bench.watch.otherwise(Act::hang());
    let start = Instant::now();
    bench.seat.lead(token(1));
    let answer = bench.call().await;
    assert_eq!(bench.watch.alive().futures(), 0);
    assert_eq!(said(answer), CUT_OFF);
    assert!(start.elapsed() >= 900 * MS, "{:?}", start.elapsed());
    assert!(start.elapsed() < 1000 * MS, "before the lease ends");
    bench.assert_nothing_is_left();
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_through_renewals_and_past_each_earlier_deadline() {
    let bench = bench();
    bench.watch.otherwise(Act::answer().after(2500 * MS));
    bench.seat.lead(token(1));
    let mut call = pin!(bench.call());
    for _ in 0..3 {
        assert!(futures::poll!(call.as_mut()).is_pending());
        advance(800 * MS).await;
        assert!(bench.seat.renew());
    }
    call.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_once_when_the_term_is_given_up_and_says_who_came_next() {
    let bench = bench();
    bench.watch.otherwise(Act::hang());
    bench.seat.lead(token(1));
    let mut call = pin!(bench.call());
    let waker = CountingWaker::new();
    assert!(waker.poll_once(call.as_mut()).is_pending());
    bench.seat.follow(Some(NodeId(2)));
    assert_eq!(waker.wakes(), 1);
    let answer = call.now_or_never().expect("at once");
    let expected = (Kind::LeadershipLost, Executed::Unknown, Some(NodeId(2)));
    assert_eq!(said(answer), expected);
    bench.assert_nothing_is_left();
}

#[tokio::test(start_paused = true)]
async fn a_call_of_one_term_does_not_go_on_in_the_next() {
    let bench = bench();
    bench.watch.otherwise(Act::hang());
    bench.seat.lead(token(1));
    let mut call = pin!(bench.call());
    assert!(futures::poll!(call.as_mut()).is_pending());
    bench.seat.lead(token(2));
    assert_eq!(said(call.await), CUT_OFF);
    bench.watch.otherwise(Act::answer());
    bench.call().await.unwrap();
    assert_eq!(bench.seen.lock().unwrap()[1].token, Some(token(2)));
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_is_not_polled_when_the_clock_has_leapt_over_the_end() {
    let clock = ManualClock::default();
    let bench = apart(&clock);
    bench.watch.otherwise(Act::answer().when_released());
    bench.seat.lead(token(1));
    let mut call = pin!(bench.call());
    assert!(futures::poll!(call.as_mut()).is_pending());
    // The machine was suspended: no timer has gone on, and the answer is there.
    clock.advance(3600 * 1000 * MS);
    bench.watch.release();
    assert_eq!(said(call.now_or_never().expect("at once")), CUT_OFF);
    bench.assert_nothing_is_left();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_made_and_not_polled_before_the_term_ended_may_have_run() {
    let bench = bench();
    bench.seat.lead(token(1));
    let call = bench.begin();
    bench.seat.follow(None);
    assert_eq!(said(call.await), CUT_OFF);
    assert_eq!(bench.watch.calls(), 1);
    bench.assert_nothing_is_left();
}

/// The handler itself takes the time: its last poll goes over the end, as when the process stands still.
#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_when_the_term_is_over_is_kept_back() {
    let clock = ManualClock::default();
    let seat = ManualSeat::new(timing(), clock.clone());
    let layer = LeaderLayer::new("orders", seat.clone(), LeaderConfig::default()).unwrap();
    let mut service = layer.layer(error::layer().layer(service_fn(|note: Note| {
        let clock = clock.clone();
        async move {
            clock.advance(900 * MS);
            if note.field("fails").is_empty() {
                Ok("a read that may be old")
            } else {
                Err("it failed")
            }
        }
    })));
    seat.lead(token(1));
    let answer = service.ready().await.unwrap().call(Note::default()).await;
    let expected = (Kind::LeadershipLost, Executed::Yes, None);
    assert_eq!(said(answer), expected);

    seat.lead(token(2));
    let fails = Note::default().with("fails", "");
    let answer = service.ready().await.unwrap().call(fails).await;
    assert!(
        matches!(answer, Err(Error::Inner("it failed"))),
        "an error says nothing that could be old: {answer:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_poll_a_call_leaves_nothing_whenever_its_term_ends() {
    for (act, ends) in [
        (Act::answer().after(50 * MS), 900 * MS),
        (Act::answer().after(950 * MS), 900 * MS),
        (Act::hang(), 900 * MS),
        (Act::hang(), Duration::ZERO),
        (Act::fail().after(950 * MS), 20 * MS),
        (Act::answer().after_polls(3), Duration::ZERO),
    ] {
        let bench = bench();
        bench.watch.otherwise(act);
        let anew = || {
            let term = bench.seat.lead(token(1));
            let seat = bench.seat.clone();
            let ended = async move {
                sleep(ends).await;
                if ends < 900 * MS {
                    seat.follow(None);
                }
                term.lost().await;
            };
            let call = bench.call();
            async move { futures::join!(call, ended).0 }
        };
        let check = |cut: Cut| {
            let alive = bench.watch.alive();
            let left = (alive.requests(), alive.futures(), alive.readied());
            assert_eq!(left, (0, 0, 0), "{act:?} {cut:?}");
        };
        drop_at_every_poll(anew, check).await;
        bench.seat.follow(None);
        assert_eq!(said(bench.call().await), REFUSED);
    }
}
