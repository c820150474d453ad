//! A new term shuts out the old ones before it begins.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::coordination::{
    CampaignError, ElectionConfig, FencingGate, FencingToken, LeaderElection, Seal, TokioClock,
    Unsealed,
};
use tokio::time::{Instant, sleep, timeout};

use super::kit::{Desk, Does, GRAIN, MS, Op, SECOND, changes, settle, stands, token};

#[derive(Clone, Copy, Debug)]
enum Says {
    Sealed,
    After(Duration),
    Hangs,
    Stale(u64),
    Failed,
}

/// What a seal says, in turn; in the end it seals.
#[derive(Clone, Debug, Default)]
struct Wax {
    says: Arc<Mutex<VecDeque<Says>>>,
    asked: Arc<Mutex<Vec<u64>>>,
}

impl Wax {
    fn new(says: impl IntoIterator<Item = Says>) -> Self {
        let wax = Self::default();
        wax.says.lock().unwrap().extend(says);
        wax
    }
}

impl Seal for Wax {
    async fn seal(&self, token: FencingToken) -> Result<(), Unsealed> {
        self.asked.lock().unwrap().push(token.number());
        let says = self.says.lock().unwrap().pop_front();
        match says.unwrap_or(Says::Sealed) {
            Says::Sealed => Ok(()),
            Says::After(wait) => {
                sleep(wait).await;
                Ok(())
            }
            Says::Hangs => pending().await,
            Says::Stale(high) => Err(Unsealed::Stale {
                high: FencingToken::from_number(high).unwrap(),
            }),
            Says::Failed => Err(Unsealed::Failed("no route".into())),
        }
    }
}

fn sealed_by(seal: impl Seal) -> (LeaderElection, Desk) {
    let desk = Desk::new();
    let store = desk.store(1, TokioClock::new());
    let config = ElectionConfig::default().sealing(seal);
    (LeaderElection::new("billing", store, config).unwrap(), desk)
}

#[tokio::test(start_paused = true)]
async fn nobody_hears_of_a_term_before_it_is_sealed_and_it_is_renewed_meanwhile() {
    let (election, desk) = sealed_by(Wax::new([Says::After(1700 * MS)]));
    let changes = changes(&election);
    let start = Instant::now();
    let guard = election.campaign().await.unwrap();
    assert!(start.elapsed() >= 1700 * MS);
    assert!(guard.remaining() > 700 * MS, "{:?}", guard.remaining());
    assert!(desk.times(|op| op == Op::Renewed).len() >= 2);
    settle().await;
    let seen = changes.lock().unwrap().clone();
    assert!(matches!(seen[..], [(1700..=1702, "elected")]), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_seal_that_hangs_gives_the_lease_back_in_its_first_time_and_campaigns_on() {
    let wax = Wax::new([Says::Hangs]);
    let (election, desk) = sealed_by(wax.clone());
    let guard = election.campaign().await.unwrap();
    assert_eq!(guard.token(), token(2));
    assert_eq!(*wax.asked.lock().unwrap(), [1, 2]);
    let released = desk.released();
    assert!(matches!(released[..], [1800..=1802]), "{released:?}");
    let asked = desk.times(|op| matches!(op, Op::Acquire(_)));
    assert!(asked[1] >= released[0] + 180, "after a pause");
}

#[tokio::test(start_paused = true)]
async fn a_seal_that_hangs_while_nothing_is_renewed_ends_with_the_lease_too() {
    for renewals in [Does::Unknown, Does::Hang, Does::Lost] {
        let (election, desk) = sealed_by(Wax::new([Says::Hangs]));
        desk.state().renewals.once(renewals);
        let changes = changes(&election);
        let guard = timeout(3 * SECOND, election.campaign()).await;
        assert_eq!(guard.unwrap().unwrap().token(), token(2), "{renewals:?}");
        let words: Vec<_> = changes.lock().unwrap().iter().map(|it| it.1).collect();
        assert!(!words.contains(&"lost"), "what nobody heard of is not lost");
    }
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_has_seen_more_is_believed() {
    let wax = Wax::new([Says::Stale(41), Says::Stale(99)]);
    let (election, desk) = sealed_by(wax.clone());
    let guard = election.campaign().await.unwrap();
    assert_eq!(guard.token(), token(100));
    assert_eq!(*wax.asked.lock().unwrap(), [1, 42, 100]);
    assert_eq!(desk.released().len(), 2);
    let asked = desk.times(|op| matches!(op, Op::Acquire(_)));
    assert!(asked[1] >= 180 && asked[2] >= 360, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_has_seen_the_last_token_is_reported_and_not_asked_in_a_storm() {
    let wax = Wax::new([Says::Stale(u64::MAX); 1000]);
    let (election, desk) = sealed_by(wax.clone());
    let storm = async {
        loop {
            let error = election.campaign().await.unwrap_err();
            assert_eq!(error, CampaignError::Exhausted);
        }
    };
    assert!(timeout(10 * SECOND, storm).await.is_err());
    let asked = wax.asked.lock().unwrap().len();
    assert!((20..=60).contains(&asked), "{asked}");
    assert_eq!(desk.state().high, asked as u64, "no token was burnt by it");
}

#[tokio::test(start_paused = true)]
async fn the_last_token_but_one_can_be_followed_once() {
    let (election, desk) = sealed_by(Wax::new([Says::Stale(u64::MAX - 1)]));
    let guard = election.campaign().await.unwrap();
    assert_eq!(guard.token(), token(u64::MAX));
    drop(guard);
    let error = election.campaign().await.unwrap_err();
    assert_eq!(error, CampaignError::Exhausted);
    assert_eq!(desk.log().last(), Some(&Op::Acquire(Some(u64::MAX - 1))));
}

#[tokio::test(start_paused = true)]
async fn a_seal_that_fails_gives_the_lease_back_each_time_and_is_tried_after_a_pause() {
    let wax = Wax::new([Says::Failed; 1000]);
    let (election, desk) = sealed_by(wax.clone());
    assert!(timeout(10 * SECOND, election.campaign()).await.is_err());
    settle().await;
    let tried = wax.asked.lock().unwrap().len();
    assert!((40..=56).contains(&tried), "{tried}");
    assert_eq!(desk.released().len(), tried);
    assert!(!desk.is_held());
    assert_eq!(stands(&election.leadership()), "follower");
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_is_given_up_while_it_seals_gives_the_lease_back() {
    let (election, desk) = sealed_by(Wax::new([Says::Hangs]));
    assert!(timeout(100 * MS, election.campaign()).await.is_err());
    settle().await;
    assert!(matches!(desk.released()[..], [100..=102]));
    assert!(!desk.is_held());
    let start = Instant::now();
    assert_eq!(election.campaign().await.unwrap().token(), token(2));
    assert!(start.elapsed() <= GRAIN, "nothing went wrong");
}

#[tokio::test(start_paused = true)]
async fn a_gate_is_drained_of_the_old_term_before_the_new_one_begins() {
    let gate = FencingGate::in_memory(None);
    let (election, _desk) = sealed_by(gate.clone());
    let first = election.campaign().await.unwrap();
    let permit = gate.enter(first.token()).await.unwrap();
    drop(first);
    let (second, ()) = tokio::join!(election.campaign(), async {
        sleep(500 * MS).await;
        assert_eq!(stands(&election.leadership()), "follower");
        drop(permit);
    });
    let second = second.unwrap();
    assert!(gate.try_enter(token(1)).is_err());
    assert!(gate.try_enter(second.token()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_closure_is_a_seal() {
    let (election, _desk) = sealed_by(|token: FencingToken| async move {
        sleep(MS * u32::try_from(token.number()).unwrap()).await;
        Ok(())
    });
    assert!(election.campaign().await.unwrap().is_valid());
}
