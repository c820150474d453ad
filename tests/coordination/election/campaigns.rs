//! How a node comes to lead, and what it does while it may not.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use mainstay::coordination::{
    CampaignError, ElectionConfig, LeaderElection, Leadership, LeadershipWatch, LeaseGuard, NodeId,
    Term, TokioClock,
};
use mainstay::test_util::drop_at_every_poll;
use tokio::time::{Instant, sleep, timeout};

use super::kit::{Does, GRAIN, MS, Op, SECOND, election, settle, stands, timing};

#[tokio::test(start_paused = true)]
async fn whoever_is_elected_holds_a_term_until_the_guard_is_dropped() {
    let (election, desk) = election();
    assert_eq!(stands(&election.leadership()), "follower");
    assert_eq!(desk.log(), [], "nobody has campaigned");
    let guard = election.campaign().await.unwrap();
    assert!(guard.is_valid());
    assert_eq!(guard.token().number(), 1);
    assert!(guard.remaining() > 1700 * MS);
    let leadership = election.leadership();
    assert_eq!(stands(&leadership), "elected");
    assert!(leadership.term().unwrap().is_valid());
    drop(guard);
    assert!(!leadership.term().unwrap().is_valid(), "at once");
    settle().await;
    assert_eq!(desk.log(), [Op::Acquire(None), Op::Granted(1), Op::Release]);
    assert_eq!(stands(&election.leadership()), "follower");
}

#[tokio::test(start_paused = true)]
async fn campaigns_stand_in_line_and_each_has_a_term_of_its_own() {
    let (election, desk) = election();
    let campaigns = (0..40).map(|place| {
        let election = election.clone();
        async move {
            let guard = election.campaign().await.unwrap();
            sleep(10 * MS).await;
            assert!(guard.is_valid());
            (place, guard.token().number())
        }
    });
    let mut served = join_all(campaigns).await;
    served.sort_by_key(|(_, token)| *token);
    let expected: Vec<_> = (0..40).map(|place| (place, place + 1)).collect();
    assert_eq!(served, expected);
    settle().await;
    assert_eq!(desk.released().len(), 40);
}

#[tokio::test(start_paused = true)]
async fn those_who_leave_the_line_are_passed_over() {
    let (election, desk) = election();
    let guard = election.campaign().await.unwrap();
    let mut left: Vec<_> = (0..100).map(|_| Box::pin(election.campaign())).collect();
    for campaign in &mut left {
        assert!(campaign.as_mut().now_or_never().is_none());
    }
    let mut last = Box::pin(election.campaign());
    assert!(last.as_mut().now_or_never().is_none());
    drop(left);
    drop(guard);
    assert_eq!(last.await.unwrap().token().number(), 2);
    settle().await;
    assert_eq!(desk.asked(), 2, "for nobody it is not asked");
}

#[tokio::test(start_paused = true)]
async fn a_taken_lease_is_asked_for_when_the_store_says_and_its_holder_is_known() {
    let (election, desk) = election();
    let leader = Some(NodeId(7));
    desk.state().acquires.once(Does::Taken(leader, SECOND));
    let (guard, ()) = tokio::join!(election.campaign(), async {
        settle().await;
        let known = election.leadership();
        assert!(matches!(known, Leadership::Follower { leader: it } if it == leader));
    });
    assert!(guard.unwrap().is_valid());
    let asked = desk.times(|op| matches!(op, Op::Acquire(_)));
    assert_eq!(asked.len(), 2);
    assert!((1000..=1002).contains(&asked[1]), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_asked_for_at_once() {
    let (first, desk) = election();
    let store = desk.store(2, TokioClock::new());
    let second = LeaderElection::new("billing", store, ElectionConfig::default()).unwrap();
    let guard = first.campaign().await.unwrap();
    let start = Instant::now();
    let (won, resigned) = tokio::join!(second.campaign(), async {
        sleep(500 * MS).await;
        guard.resign(SECOND).await
    });
    assert_eq!(resigned, mainstay::coordination::Resigned::Free);
    assert_eq!(won.unwrap().token().number(), 2);
    assert!(start.elapsed() < 500 * MS + GRAIN, "{:?}", start.elapsed());
}

/// The store says how long to wait; what it says is kept within reason.
#[tokio::test(start_paused = true)]
async fn no_answer_makes_a_storm_of_questions_and_none_stops_them() {
    for (does, hints, least, most) in [
        (Does::Taken(None, Duration::ZERO), false, 400, 500),
        (Does::Taken(None, Duration::MAX), false, 4, 5),
        (Does::Taken(None, Duration::MAX), true, 400, 500),
        (Does::Unavailable(Duration::ZERO), false, 400, 500),
        (Does::Unavailable(Duration::MAX), false, 4, 5),
        (Does::Unavailable(100 * MS), false, 95, 101),
        (Does::Hang, false, 4, 5),
        (Does::Late(1801 * MS), false, 4, 6),
        (Does::Spent, false, 40, 60),
    ] {
        let (election, desk) = election();
        desk.state().hints = hints;
        desk.state().acquires.otherwise(does);
        let waited = timeout(10 * SECOND, election.campaign()).await;
        assert!(waited.is_err(), "{does:?}");
        let asked = desk.asked();
        assert!((least..=most).contains(&asked), "{does:?}: {asked}");
        desk.state().acquires.otherwise(Does::Serve);
        let won = timeout(3 * SECOND, election.campaign()).await;
        assert!(won.unwrap().unwrap().is_valid(), "{does:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_granted_unheard_or_too_late_is_given_back_before_it_is_asked_for_again() {
    for does in [Does::Hang, Does::Late(1801 * MS)] {
        let (election, desk) = election();
        desk.state().acquires.once(does);
        let guard = election.campaign().await.unwrap();
        assert_eq!(guard.token().number(), 2, "{does:?}");
        let log = desk.log();
        let released = log.iter().position(|op| *op == Op::Release).unwrap();
        let asked = log.iter().rposition(|op| *op == Op::Acquire(None)).unwrap();
        assert!(released < asked, "{log:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_is_given_back_by_whoever_asks_no_longer() {
    for does in [
        Does::Hang,
        Does::Late(SECOND),
        Does::Taken(None, SECOND),
        Does::Unavailable(SECOND),
    ] {
        let (election, desk) = election();
        desk.state().acquires.once(does);
        assert!(timeout(100 * MS, election.campaign()).await.is_err());
        settle().await;
        assert_eq!(desk.log(), [Op::Acquire(None), Op::Release], "{does:?}");
        assert!(!desk.is_held());
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_just_inside_its_time_is_used() {
    let (election, desk) = election();
    desk.state().acquires.once(Does::Late(1790 * MS));
    let guard = election.campaign().await.unwrap();
    assert_eq!(guard.token().number(), 1);
    assert!(guard.is_valid());
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_further_term_the_campaign_is_told_and_not_in_a_storm() {
    let (election, desk) = election();
    desk.state().acquires.otherwise(Does::Exhausted);
    let storm = async {
        loop {
            let error = election.campaign().await.unwrap_err();
            assert_eq!(error, CampaignError::Exhausted);
        }
    };
    assert!(timeout(10 * SECOND, storm).await.is_err());
    assert!(desk.asked() <= 60, "{}", desk.asked());
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_wait_for_the_pause_leaves_it_to_the_next() {
    let (election, desk) = election();
    desk.state().acquires.otherwise(Does::Exhausted);
    let hurry = async {
        loop {
            let _ = timeout(5 * MS, election.campaign()).await;
        }
    };
    assert!(timeout(10 * SECOND, hurry).await.is_err());
    assert!((40..=60).contains(&desk.asked()), "{}", desk.asked());
}

#[tokio::test(start_paused = true)]
async fn a_campaign_can_be_given_up_anywhere_and_nothing_is_left_of_it() {
    let (election, desk) = election();
    let scripts: [&[Does]; 5] = [
        &[],
        &[Does::Late(SECOND)],
        &[Does::Taken(None, SECOND)],
        &[Does::Unavailable(SECOND), Does::Late(SECOND)],
        &[Does::Hang],
    ];
    for script in scripts {
        let polls = drop_at_every_poll(
            || {
                for does in script {
                    desk.state().acquires.once(*does);
                }
                election.campaign()
            },
            |_| {},
        )
        .await;
        assert!(polls >= 2, "it waits at least for the driver");
        sleep(10 * SECOND).await;
        desk.state().acquires = super::kit::Script::new();
        assert!(!desk.is_held(), "{script:?}");
        assert!(
            desk.state().holder.is_none(),
            "{script:?}: it was given back"
        );
        assert_eq!(stands(&election.leadership()), "follower");
        let guard = timeout(SECOND, election.campaign()).await;
        drop(guard.expect("nothing is in the way").unwrap());
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_hangs_holds_up_nobody_longer_than_the_lease_lasts() {
    let (election, desk) = election();
    desk.state().releases.once(Does::Hang);
    drop(election.campaign().await.unwrap());
    let start = Instant::now();
    assert!(election.campaign().await.unwrap().is_valid());
    assert!(start.elapsed() <= timing().held() + GRAIN);
}

#[tokio::test(start_paused = true)]
async fn leases_that_are_over_as_soon_as_they_begin_make_no_storm() {
    let (election, desk) = election();
    desk.state().acquires.otherwise(Does::Short);
    desk.state().renewals.otherwise(Does::Hang);
    let storm = async {
        loop {
            let guard = election.campaign().await.unwrap();
            guard.lost().await;
        }
    };
    assert!(timeout(10 * SECOND, storm).await.is_err());
    assert!((10..=60).contains(&desk.asked()), "{}", desk.asked());
}

#[test]
fn what_a_campaign_gives_can_be_kept_anywhere() {
    fn anywhere<T: Send + Sync + std::fmt::Debug + 'static>() {}
    anywhere::<LeaderElection>();
    anywhere::<LeaseGuard>();
    anywhere::<Term>();
    anywhere::<LeadershipWatch>();
}
