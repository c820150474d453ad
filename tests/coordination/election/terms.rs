//! What happens to a term while it lasts, and how it ends.

use std::future::pending;
use std::time::Duration;

use mainstay::coordination::{
    Clock, ElectionConfig, LeaderElection, LeaseGuard, ManualClock, Moment, TokioClock,
};
use tokio::time::{Instant, advance, sleep};

use super::kit::{Desk, Does, GRAIN, MS, Op, SECOND, changes, election, settle, stands};

/// When, since the start, what runs under the term is ended.
async fn ends(guard: &LeaseGuard, start: Instant) -> Duration {
    assert!(guard.run(pending::<()>()).await.is_err());
    start.elapsed()
}

fn is_at(moment: Duration, expected: Duration) {
    let range = expected..=expected + GRAIN;
    assert!(range.contains(&moment), "{moment:?} for {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_for_as_long_as_the_guard_is_kept() {
    let (election, desk) = election();
    let changes = changes(&election);
    let guard = election.campaign().await.unwrap();
    let mut lost = Box::pin(guard.lost());
    let minute = sleep(60 * SECOND);
    tokio::select! {
        () = &mut lost => panic!("it was renewed"),
        () = minute => {}
    }
    assert!(guard.is_valid());
    assert_eq!(guard.token().number(), 1, "one term");
    let renewed = desk.times(|op| op == Op::Renewed).len();
    assert!(
        (80..=101).contains(&renewed),
        "a third of the ttl: {renewed}"
    );
    assert_eq!(*changes.lock().unwrap(), [(0, "elected")]);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_of_which_nothing_is_known_keeps_the_old_deadline() {
    let (election, desk) = election();
    let start = Instant::now();
    let changes = changes(&election);
    desk.state().renewals.otherwise(Does::Unknown);
    let guard = election.campaign().await.unwrap();
    let kept = guard.run(pending::<()>());
    is_at(ends(&guard, start).await, 1800 * MS);
    sleep(100 * MS).await;
    assert_eq!(stands(&election.leadership()), "expiring");
    assert_eq!(desk.released(), [], "something works yet");
    drop(kept);
    settle().await;
    let seen = changes.lock().unwrap().clone();
    let words: Vec<_> = seen.iter().map(|(_, word)| *word).collect();
    assert_eq!(words, ["elected", "at risk", "expiring", "lost"]);
    let times: Vec<_> = seen.iter().map(|(at, _)| *at).collect();
    assert!(
        matches!(times[..], [0, 1000..=1002, 1800..=1802, 1900..=1905]),
        "{times:?}"
    );
    assert_eq!(desk.released().len(), 1, "before it ends");
}

#[tokio::test(start_paused = true)]
async fn a_term_at_risk_that_is_renewed_after_all_goes_on() {
    let (election, desk) = election();
    let changes = changes(&election);
    for _ in 0..5 {
        desk.state().renewals.once(Does::Unknown);
    }
    let guard = election.campaign().await.unwrap();
    sleep(5 * SECOND).await;
    assert!(guard.is_valid());
    let seen = changes.lock().unwrap().clone();
    let words: Vec<_> = seen.iter().map(|(_, word)| *word).collect();
    assert_eq!(words, ["elected", "at risk", "elected"]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_somebody_else_has_is_lost_at_once() {
    let (election, desk) = election();
    let start = Instant::now();
    desk.state().renewals.once(Does::Lost);
    let guard = election.campaign().await.unwrap();
    let end = ends(&guard, start).await;
    assert!((600 * MS..=735 * MS).contains(&end), "{end:?}");
    assert_eq!(stands(&election.leadership()), "lost");
    assert!(!guard.is_valid());
    settle().await;
    assert_eq!(desk.log().last(), Some(&Op::Release));
    // A guard that is kept is in nobody's way.
    assert_eq!(election.campaign().await.unwrap().token().number(), 2);
    assert!(!guard.is_valid());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_hangs_stops_neither_the_notices_nor_the_end() {
    let (election, desk) = election();
    let start = Instant::now();
    let changes = changes(&election);
    desk.state().renewals.once(Does::Hang);
    let guard = election.campaign().await.unwrap();
    is_at(ends(&guard, start).await, 1800 * MS);
    settle().await;
    assert_eq!(desk.times(|op| op == Op::Renew).len(), 1, "one at a time");
    let seen = changes.lock().unwrap().clone();
    let words: Vec<_> = seen.iter().map(|(_, word)| *word).collect();
    // Nothing worked any more, so the lease was given back before anybody looked.
    assert_eq!(words, ["elected", "at risk", "lost"]);
}

/// What is asked for before a notice counts although it is granted after it; in the margin it does not.
#[tokio::test(start_paused = true)]
async fn a_slow_renewal_is_not_cancelled_by_a_notice_and_counts_up_to_the_margin() {
    for (takes, goes_on) in [(900 * MS, true), (1300 * MS, false)] {
        let (election, desk) = election();
        desk.state().renewals.once(Does::Late(takes));
        let guard = election.campaign().await.unwrap();
        sleep(4 * SECOND).await;
        assert_eq!(guard.is_valid(), goes_on, "{takes:?}");
    }
}

/// A machine that was suspended: the clock goes on, and no timer has fired.
#[tokio::test(start_paused = true)]
async fn a_clock_that_leaps_over_everything_ends_the_term_before_anything_more_is_done() {
    let clock = ManualClock::default();
    let desk = Desk::new();
    let store = desk.store(1, clock.clone());
    let election = LeaderElection::new("billing", store, ElectionConfig::default()).unwrap();
    let changes = changes(&election);
    let guard = election.campaign().await.unwrap();
    let term = guard.term().clone();
    let worked = tokio::spawn(async move {
        let work = async {
            sleep(100 * MS).await;
            panic!("polled after the leap");
        };
        term.run(work).await
    });
    settle().await;
    clock.advance(3600 * SECOND);
    assert!(!guard.is_valid());
    assert!(worked.await.unwrap().is_err());
    sleep(SECOND).await; // until the next renewal is due, by the timer
    let seen = changes.lock().unwrap().clone();
    let words: Vec<_> = seen.iter().map(|(_, word)| *word).collect();
    assert_eq!(words, ["elected", "lost"], "no notice of what is over");
    assert_eq!(desk.times(|op| op == Op::Renew), [], "nor a renewal");
}

/// A clock whose rate is not that of the timers.
#[derive(Debug)]
struct Skewed(TokioClock, f64);

impl Clock for Skewed {
    fn now(&self) -> Moment {
        let elapsed = self.0.now().since(Moment::ORIGIN);
        Moment::from_origin(elapsed.mul_f64(self.1))
    }
}

#[tokio::test(start_paused = true)]
async fn the_clock_decides_and_not_the_timer() {
    for rate in [0.5, 0.99, 1.01, 2.0] {
        let desk = Desk::new();
        let store = desk.store(1, Skewed(TokioClock::new(), rate));
        let election = LeaderElection::new("billing", store, ElectionConfig::default()).unwrap();
        desk.state().renewals.otherwise(Does::Hang);
        let start = Instant::now();
        let guard = election.campaign().await.unwrap();
        let end = ends(&guard, start).await;
        if rate < 1.0 {
            is_at(end, (1800 * MS).div_f64(rate));
        } else {
            // The timer was late, but what it woke was not polled again.
            assert!(end <= 1800 * MS + GRAIN, "{end:?}");
        }
        assert!(!guard.is_valid());
    }
}

#[tokio::test(start_paused = true)]
async fn lost_comes_a_margin_before_the_lease_ends_and_not_before() {
    let (election, desk) = election();
    desk.state().renewals.once(Does::Serve);
    desk.state().renewals.otherwise(Does::Unknown);
    let guard = election.campaign().await.unwrap();
    guard.lost().await;
    let renewed = desk.times(|op| op == Op::Renewed)[0];
    let until = desk.state().holder.map(|(_, _, until)| until);
    // The desk keeps it a little longer, so that its clock may be the faster one.
    let left = until.unwrap() - Instant::now();
    assert!((198 * MS..=242 * MS).contains(&left), "{left:?}");
    assert!((600..=735).contains(&renewed), "{renewed}");
    advance(MS).await;
    guard.lost().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_promises_more_than_it_may_is_not_believed() {
    let (election, desk) = election();
    desk.state().acquires.once(Does::Long);
    desk.state().renewals.once(Does::Long);
    desk.state().renewals.otherwise(Does::Hang);
    let start = Instant::now();
    let guard = election.campaign().await.unwrap();
    let end = ends(&guard, start).await;
    let renewed = desk.times(|op| op == Op::Renew)[0];
    let renewed = Duration::from_millis(u64::try_from(renewed).unwrap());
    is_at(end, renewed + 1800 * MS);
}

#[tokio::test(start_paused = true)]
async fn after_a_slow_renewal_the_next_is_due_by_the_lease_and_not_by_the_last_notice() {
    let (election, desk) = election();
    desk.state().renewals.once(Does::Late(900 * MS));
    let _guard = election.campaign().await.unwrap();
    sleep(2 * SECOND).await;
    let renewed = desk.times(|op| op == Op::Renewed)[0];
    // More than a third of the lease that it brought has passed by then.
    let asked = desk.times(|op| op == Op::Renew)[1];
    assert!(
        (renewed..=renewed + 2).contains(&asked),
        "{renewed} and {asked}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_term_is_lost_when_its_lease_ends_though_the_release_hangs() {
    let (election, desk) = election();
    let changes = changes(&election);
    desk.state().renewals.otherwise(Does::Unknown);
    desk.state().releases.once(Does::Hang);
    let guard = election.campaign().await.unwrap();
    guard.lost().await;
    sleep(10 * SECOND).await;
    let seen = changes.lock().unwrap().clone();
    let (at, word) = *seen.last().unwrap();
    assert_eq!(word, "lost");
    assert!((2000..=2003).contains(&at), "{seen:?}");
}
