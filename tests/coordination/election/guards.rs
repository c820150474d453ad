//! What a guard does for those who work under it.

use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use allocation_counter::measure;
use futures::FutureExt as _;
use mainstay::coordination::{BootClock, ElectionConfig, LeaderElection, Resigned, Term};
use tokio::time::{Instant, sleep, timeout};

use super::kit::{Desk, Does, GRAIN, MS, Op, SECOND, election, settle, token};

#[tokio::test(start_paused = true)]
async fn to_resign_ends_what_runs_at_once_waits_for_it_and_then_gives_the_lease_back() {
    let (election, desk) = election();
    let guard = election.campaign().await.unwrap();
    let term = guard.term().clone();
    let work = tokio::spawn(term.run(pending::<()>()));
    let kept = term.run(pending::<()>());
    settle().await;
    let resigning = guard.resign(10 * SECOND);
    assert!(!term.is_valid(), "before it is polled");
    let (resigned, ()) = tokio::join!(resigning, async {
        assert!(work.await.unwrap().is_err());
        sleep(300 * MS).await;
        assert_eq!(desk.released(), [], "something works yet");
        drop(kept);
    });
    assert_eq!(resigned, Resigned::Free);
    assert!(matches!(desk.released()[..], [301..=303]));
}

#[tokio::test(start_paused = true)]
async fn work_that_does_not_end_is_waited_for_up_to_the_grace_and_keeps_the_lease_to_its_end() {
    for (grace, expected, waits) in [
        (Duration::ZERO, Resigned::Pending, Duration::ZERO),
        (100 * MS, Resigned::Pending, 100 * MS),
        (10 * SECOND, Resigned::Free, 2 * SECOND),
    ] {
        let (election, desk) = election();
        let guard = election.campaign().await.unwrap();
        let kept = guard.run(pending::<()>());
        let start = Instant::now();
        assert_eq!(guard.resign(grace).await, expected);
        let waited = start.elapsed();
        assert!((waits..=waits + GRAIN).contains(&waited), "{waited:?}");
        sleep(3 * SECOND).await;
        assert!(matches!(desk.released()[..], [2000..=2002]), "{grace:?}");
        drop(kept);
    }
}

#[tokio::test(start_paused = true)]
async fn a_grace_of_nothing_is_enough_where_nothing_works() {
    let (election, desk) = election();
    let guard = election.campaign().await.unwrap();
    let resigning = guard.resign(SECOND);
    settle().await;
    assert_eq!(
        desk.released().len(),
        1,
        "the driver does not need it polled"
    );
    assert_eq!(resigning.now_or_never(), Some(Resigned::Free));
    let guard = election.campaign().await.unwrap();
    drop(guard.resign(SECOND));
    settle().await;
    assert_eq!(desk.released().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_begins_after_a_resignation_is_not_polled_once() {
    let (election, _desk) = election();
    let guard = election.campaign().await.unwrap();
    let term = guard.term().clone();
    let polled = Cell::new(false);
    let before = term.run(async { polled.set(true) });
    drop(guard);
    let after = term.run(async { polled.set(true) });
    for work in [before.now_or_never(), after.now_or_never()] {
        assert_eq!(work.unwrap().unwrap_err().token(), token(1));
    }
    assert!(!polled.get());
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_what_runs_ends_nothing_else() {
    let (election, desk) = election();
    let guard = election.campaign().await.unwrap();
    let work = guard.run(async { panic!("on purpose") });
    assert!(tokio::spawn(work).await.unwrap_err().is_panic());
    assert!(guard.is_valid());
    sleep(3 * SECOND).await;
    assert!(guard.is_valid());
    assert_eq!(guard.resign(SECOND).await, Resigned::Free);
    assert_eq!(desk.released().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_term_that_a_resource_has_overtaken_is_followed_by_one_above_that() {
    let (election, desk) = election();
    let guard = election.campaign().await.unwrap();
    guard.superseded_by(token(41));
    let start = Instant::now();
    let guard = election.campaign().await.unwrap();
    assert_eq!(guard.token(), token(42));
    assert!(start.elapsed() >= 150 * MS, "it paused");
    assert!(desk.log().contains(&Op::Acquire(Some(41))));
    // What is lower says nothing new.
    guard.superseded_by(token(7));
    assert_eq!(election.campaign().await.unwrap().token(), token(43));
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_has_seen_the_last_token_ends_a_campaign_but_not_the_election() {
    let (election, desk) = election();
    election
        .campaign()
        .await
        .unwrap()
        .superseded_by(token(u64::MAX));
    assert!(election.campaign().await.is_err());
    let guard = election.campaign().await.unwrap();
    assert_eq!(guard.token(), token(2));
    assert_eq!(desk.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn to_resign_from_a_term_that_is_over_waits_for_nobody() {
    let (election, desk) = election();
    desk.state().renewals.otherwise(Does::Unknown);
    let guard = election.campaign().await.unwrap();
    sleep(3 * SECOND).await;
    let resigned = timeout(GRAIN, guard.resign(SECOND)).await;
    assert_eq!(resigned, Ok(Resigned::Free));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_keeps_nobody_past_the_end_of_the_lease() {
    let (election, desk) = election();
    desk.state().releases.once(Does::Hang);
    let guard = election.campaign().await.unwrap();
    let start = Instant::now();
    assert_eq!(guard.resign(10 * SECOND).await, Resigned::Free);
    let waited = start.elapsed();
    assert!(
        (2 * SECOND..=2 * SECOND + GRAIN).contains(&waited),
        "{waited:?}"
    );
}

#[tokio::test]
async fn to_look_whether_it_is_valid_allocates_nothing() {
    let desk = Desk::new();
    let store = desk.store(1, BootClock);
    let election = LeaderElection::new("billing", store, ElectionConfig::default()).unwrap();
    let guard = election.campaign().await.unwrap();
    let (term, mut watch) = (guard.term().clone(), election.watch());
    watch.latest();
    let looks = || {
        assert!(term.is_valid());
        assert!(!term.remaining().is_zero());
        assert!(watch.latest().term().is_some_and(Term::is_valid));
        drop(term.clone());
    };
    assert_eq!(measure(looks).count_total, 0);
    let ready = || assert!(term.run(async {}).now_or_never().unwrap().is_ok());
    assert_eq!(measure(ready).count_total, 0, "nor what is ready at once");
    drop(guard);
    let late = || assert!(!term.is_valid());
    assert_eq!(measure(late).count_total, 0);
}
