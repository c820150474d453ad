//! How an election ends, and what is left of it.

use futures::FutureExt as _;
use mainstay::coordination::{
    CampaignError, ElectionConfig, FencingToken, LeaderElection, Resigned, TokioClock, Unsealed,
};
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

use super::kit::{Desk, Does, GRAIN, MS, SECOND, changes, election, settle, stands};

#[test]
fn without_a_runtime_there_is_no_election_and_nothing_is_left() {
    let desk = Desk::new();
    let store = desk.store(1, TokioClock::new());
    let error = LeaderElection::new("billing", store, ElectionConfig::default()).unwrap_err();
    assert_eq!(error.field(), "runtime");
    assert_eq!(desk.state().stores, 0);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_last_handle_though_somebody_watches() {
    let (election, desk) = election();
    let mut watch = election.watch();
    let twin = election.clone();
    drop(election);
    settle().await;
    assert_eq!(desk.state().stores, 1);
    drop(twin);
    settle().await;
    assert_eq!(desk.state().stores, 0);
    assert!(watch.changed().await.is_none());
    assert_eq!(stands(watch.latest()), "follower");
}

#[tokio::test(start_paused = true)]
async fn a_guard_outlives_the_handles_and_is_renewed_until_it_goes() {
    let (election, desk) = election();
    let changes = changes(&election);
    let guard = election.campaign().await.unwrap();
    drop(election);
    sleep(10 * SECOND).await;
    assert!(guard.is_valid());
    assert_eq!(guard.resign(SECOND).await, Resigned::Free);
    settle().await;
    assert_eq!(desk.state().stores, 0);
    assert_eq!(desk.released().len(), 1);
    let words: Vec<_> = changes.lock().unwrap().iter().map(|it| it.1).collect();
    assert_eq!(words, ["elected", "follower", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_while_it_is_asked_ends_the_election_for_all_who_wait() {
    let (election, desk) = election();
    desk.state().acquires.once(Does::Panic);
    let (first, second) = tokio::join!(election.campaign(), election.campaign());
    for ended in [first, second, election.campaign().await] {
        assert_eq!(ended.unwrap_err(), CampaignError::Stopped);
    }
    assert_eq!(desk.state().stores, 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_while_it_renews_ends_the_term() {
    let (election, desk) = election();
    let changes = changes(&election);
    desk.state().renewals.once(Does::Panic);
    let guard = election.campaign().await.unwrap();
    let waiting = election.campaign();
    let (lost, waited) = tokio::join!(guard.run(std::future::pending::<()>()), waiting);
    assert!(lost.is_err());
    assert_eq!(waited.unwrap_err(), CampaignError::Stopped);
    assert!(!guard.is_valid());
    let resigned = timeout(GRAIN, guard.resign(SECOND)).await;
    assert_eq!(resigned, Ok(Resigned::Pending), "nobody gives it back");
    settle().await;
    let words: Vec<_> = changes.lock().unwrap().iter().map(|it| it.1).collect();
    assert_eq!(words, ["elected", "lost", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_while_it_releases_hangs_nobody() {
    let (election, desk) = election();
    desk.state().releases.once(Does::Panic);
    let guard = election.campaign().await.unwrap();
    let waiting = election.campaign();
    let (resigned, waited) = tokio::join!(guard.resign(SECOND), waiting);
    assert_eq!(resigned, Resigned::Pending);
    assert_eq!(waited.unwrap_err(), CampaignError::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_seal_that_panics_ends_the_election() {
    let desk = Desk::new();
    let store = desk.store(1, TokioClock::new());
    let seal = |_: FencingToken| async { panic!("on purpose") as Result<(), Unsealed> };
    let config = ElectionConfig::default().sealing(seal);
    let election = LeaderElection::new("billing", store, config).unwrap();
    let ended = election.campaign().await.unwrap_err();
    assert_eq!(ended, CampaignError::Stopped);
    assert_eq!(stands(&election.leadership()), "follower");
}

#[test]
fn a_runtime_that_is_shut_down_ends_the_term_and_the_campaigns() {
    let runtime = || {
        Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let (ending, other) = (runtime(), runtime());
    let (election, desk, guard) = ending.block_on(async {
        let (election, desk) = election();
        let guard = election.campaign().await.unwrap();
        (election, desk, guard)
    });
    let mut watch = election.watch();
    let waiting = election.campaign();
    let mut waiting = Box::pin(waiting);
    assert!(waiting.as_mut().now_or_never().is_none());
    assert!(guard.is_valid());
    drop(ending);
    assert!(!guard.is_valid());
    assert_eq!(stands(watch.latest()), "lost");
    assert_eq!(desk.state().stores, 0);
    other.block_on(async {
        assert_eq!(waiting.await.unwrap_err(), CampaignError::Stopped);
        let late = election.campaign().await;
        assert_eq!(late.unwrap_err(), CampaignError::Stopped);
        let resigned = timeout(MS, guard.resign(SECOND)).await;
        assert_eq!(resigned, Ok(Resigned::Pending));
    });
}
