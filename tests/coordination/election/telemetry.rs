//! What an election tells of itself.

use std::collections::HashMap;

use mainstay::coordination::{ElectionConfig, FencingToken, LeaderElection, TokioClock, Unsealed};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::time::sleep;

use super::kit::{Desk, Does, SECOND, settle};

/// The values so far, by metric and by its own label.
#[derive(Debug)]
struct Recorded {
    snapshotter: Snapshotter,
    values: HashMap<String, f64>,
}

impl Recorded {
    fn value(&mut self, metric: &str) -> f64 {
        for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
            let key = key.key();
            let mut name = key.name().to_owned();
            let mut shared = 0;
            for label in key.labels() {
                match (label.key(), label.value()) {
                    ("layer", "election") | ("name", "billing") => shared += 1,
                    (_, value) => name = format!("{name} {value}"),
                }
            }
            assert_eq!(shared, 2, "{key:?}");
            let added = match value {
                #[expect(clippy::cast_precision_loss, reason = "few")]
                DebugValue::Counter(count) => count as f64,
                DebugValue::Gauge(value) => value.into_inner(),
                #[expect(clippy::cast_precision_loss, reason = "few")]
                DebugValue::Histogram(values) => values.len() as f64,
            };
            *self.values.entry(name).or_default() += added;
        }
        *self.values.get(metric).expect("registered")
    }
}

/// An election whose second term is not sealed.
fn recorded() -> (LeaderElection, Desk, Recorded) {
    let listening = DebuggingRecorder::new();
    let desk = Desk::new();
    let store = desk.store(1, TokioClock::new());
    let seal = |token: FencingToken| async move {
        if token.number() == 2 {
            return Err(Unsealed::Failed("down".into()));
        }
        Ok(())
    };
    let config = ElectionConfig::default().sealing(seal);
    let election = metrics::with_local_recorder(&listening, || {
        LeaderElection::new("billing", store, config).unwrap()
    });
    let recorded = Recorded {
        snapshotter: listening.snapshotter(),
        values: HashMap::new(),
    };
    (election, desk, recorded)
}

#[tokio::test(start_paused = true)]
async fn every_term_is_counted_by_its_end_and_the_gauge_returns_to_zero() {
    let (election, desk, mut recorded) = recorded();
    let mut is = |values: [(&str, f64); 8]| {
        for (metric, value) in values {
            let seen = recorded.value(&format!("mainstay_election_{metric}"));
            assert!((seen - value).abs() < 0.1, "{metric}: {seen} for {value}");
        }
    };
    let guard = election.campaign().await.unwrap();
    sleep(SECOND).await;
    is([
        ("leading", 1.0),
        ("terms_total", 1.0),
        ("renewal_seconds", 1.0),
        ("renewals_failed_total", 0.0),
        ("at_risk_total", 0.0),
        ("ends_total resigned", 0.0),
        ("ends_total lost", 0.0),
        ("ends_total unsealed", 0.0),
    ]);
    drop(guard);
    // The second is not sealed; so it does not begin, and is neither resigned nor lost.
    let guard = election.campaign().await.unwrap();
    assert_eq!(guard.token().number(), 3);
    desk.state().renewals.otherwise(Does::Hang);
    sleep(3 * SECOND).await;
    is([
        ("leading", 0.0),
        ("terms_total", 2.0),
        ("renewal_seconds", 1.0),
        ("renewals_failed_total", 0.0),
        ("at_risk_total", 1.0),
        ("ends_total resigned", 1.0),
        ("ends_total lost", 1.0),
        ("ends_total unsealed", 1.0),
    ]);
    desk.state().renewals.once(Does::Unknown).once(Does::Panic);
    let guard = election.campaign().await.unwrap();
    sleep(2 * SECOND).await;
    assert!(!guard.is_valid());
    is([
        ("leading", 0.0),
        ("terms_total", 3.0),
        ("renewal_seconds", 1.0),
        ("renewals_failed_total", 1.0),
        ("at_risk_total", 1.0),
        ("ends_total resigned", 1.0),
        ("ends_total lost", 2.0),
        ("ends_total unsealed", 1.0),
    ]);
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_with_its_runtime_or_its_handles_leaves_no_gauge_up() {
    let (election, _desk, mut recorded) = recorded();
    let guard = election.campaign().await.unwrap();
    drop((election, guard));
    settle().await;
    assert!(recorded.value("mainstay_election_leading").abs() < 0.1);
}

#[tokio::test(start_paused = true)]
async fn a_term_that_is_over_does_not_lead_though_its_lease_is_not_given_back_yet() {
    let (election, desk, mut recorded) = recorded();
    desk.state().renewals.otherwise(Does::Unknown);
    let guard = election.campaign().await.unwrap();
    let kept = guard.run(std::future::pending::<()>());
    sleep(SECOND * 19 / 10).await;
    assert!(recorded.value("mainstay_election_leading").abs() < 0.1);
    assert!(recorded.value("mainstay_election_ends_total lost").abs() < 0.1);
    drop(kept);
    settle().await;
    assert!((recorded.value("mainstay_election_ends_total lost") - 1.0).abs() < 0.1);
    assert!(recorded.value("mainstay_election_leading").abs() < 0.1);
}
