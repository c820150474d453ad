//! The circuit under every interleaving of a few calls.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use crate::classify::Failure;
use crate::time::{self, Instant};

use super::circuit::{Circuit, Judged, News};
use super::policy::Policy;
use super::refusal::Refused;
use super::source::Source;
use super::{BreakerConfig, State, Window};

/// A clock that stands still, at an instant of the test's choice.
#[derive(Clone, Copy)]
struct At(Instant);

impl Source for At {
    fn now(&self) -> Instant {
        self.0
    }

    fn draw(&self) -> u64 {
        0
    }
}

const SECOND: Duration = Duration::from_secs(1);
const FAILED: Option<Failure> = Some(Failure::transient());

fn config() -> BreakerConfig {
    BreakerConfig::default()
        .window(Window::Time {
            length: 10 * SECOND,
            buckets: 1,
        })
        .volume_min(2)
        .probes(1)
        .probe_successes(1)
}

fn circuit(config: BreakerConfig, at: At) -> Arc<Circuit> {
    Arc::new(Circuit::new(config, at.0).unwrap())
}

fn changes(news: News) -> usize {
    news.changes.into_iter().flatten().count()
}

/// Admits a call and lets it fail.
fn fail(circuit: &Circuit, at: At) -> (Option<Judged>, usize) {
    let (admission, news) = circuit.admit(&at);
    assert_eq!(changes(news), 0);
    let Ok(permit) = admission else {
        return (None, 0);
    };
    let (judged, news) = circuit.settle(&permit, FAILED, &at);
    (Some(judged), changes(news))
}

#[test]
fn loom_the_failures_that_reach_the_ratio_open_the_circuit_once() {
    let by_count = config().window(Window::Count { calls: 2 });
    let in_a_row = config().failure_ratio(None);
    let in_a_row = in_a_row.consecutive_failures(NonZeroU32::new(2));
    for config in [config(), by_count, in_a_row] {
        loom::model(move || {
            let at = At(time::now());
            let circuit = circuit(config.clone(), at);
            let other = Arc::clone(&circuit);
            let call = thread::spawn(move || fail(&other, at));
            let (_, mine) = fail(&circuit, at);
            let (_, others) = call.join().unwrap();
            assert_eq!(mine + others, 1);
            assert_eq!(circuit.state(), State::Open);
        });
    }
}

#[test]
fn loom_when_the_open_time_is_over_one_probe_is_admitted_and_not_two() {
    loom::model(|| {
        let at = At(time::now());
        let circuit = circuit(config(), at);
        let _ = circuit.steer(|policy| policy.open_for(SECOND, at.0));
        let due = At(at.0 + SECOND);
        let admit = move |circuit: &Circuit| {
            let (admission, news) = circuit.admit(&due);
            if let Err(refused) = &admission {
                // Not "until someone says otherwise": it was open for a time, and now is half open.
                assert_eq!(*refused, Refused(Some(30_000_000_000)));
            }
            // The permit is held by a call that hangs.
            (admission.is_ok(), changes(news))
        };
        let other = Arc::clone(&circuit);
        let call = thread::spawn(move || admit(&other));
        let mine = admit(&circuit);
        let others = call.join().unwrap();
        assert_eq!(usize::from(mine.0) + usize::from(others.0), 1);
        assert_eq!(mine.1 + others.1, 1);
    });
}

#[test]
fn loom_who_finds_the_circuit_open_finds_its_time_too() {
    loom::model(|| {
        let at = At(time::now());
        let circuit = circuit(config(), at);
        let other = Arc::clone(&circuit);
        let call = thread::spawn(move || other.admit(&at).0);
        let _ = circuit.steer(|policy| policy.open_for(SECOND, at.0));
        if let Err(refused) = call.join().unwrap() {
            assert_eq!(refused, Refused(Some(1_000_000_000)));
        }
    });
}

#[test]
fn loom_a_probe_that_is_given_back_while_others_ask_frees_one_place() {
    loom::model(|| {
        let at = At(time::now());
        let circuit = circuit(config(), at);
        let _ = circuit.steer(|policy| policy.open_for(SECOND, at.0));
        let due = At(at.0 + SECOND);
        let first = circuit.admit(&due).0.unwrap();
        let calls = [(); 2].map(|()| {
            let circuit = Arc::clone(&circuit);
            thread::spawn(move || circuit.admit(&due).0.is_ok())
        });
        let _ = circuit.release(&first, &due);
        let admitted = calls.map(|call| call.join().unwrap());
        assert!(admitted != [true, true]);
        assert_eq!(
            circuit.snapshot(&due).0.probes_in_flight(),
            usize::from(admitted != [false; 2])
        );
    });
}

#[test]
fn loom_a_result_from_before_a_reset_is_counted_before_it_or_stale() {
    loom::model(|| {
        let at = At(time::now());
        let circuit = circuit(config(), at);
        let permit = circuit.admit(&at).0.unwrap();
        let other = Arc::clone(&circuit);
        let late = thread::spawn(move || other.settle(&permit, FAILED, &at).0);
        let _ = circuit.steer(Policy::reset);
        let stale = late.join().unwrap() == Judged::Stale;
        let snapshot = circuit.snapshot(&at).0;
        assert_eq!(snapshot.calls(), 0);
        assert_eq!(snapshot.stale(), u64::from(stale));
    });
}

#[test]
fn loom_a_call_admitted_in_a_new_epoch_is_counted_in_it() {
    loom::model(|| {
        let at = At(time::now());
        let circuit = circuit(config(), at);
        let _ = circuit.steer(Policy::force_open);
        let other = Arc::clone(&circuit);
        let call = thread::spawn(move || fail(&other, at).0);
        let _ = circuit.steer(Policy::reset);
        let judged = call.join().unwrap();
        assert_ne!(judged, Some(Judged::Stale));
        let snapshot = circuit.snapshot(&at).0;
        assert_eq!(snapshot.calls(), u64::from(judged.is_some()));
    });
}

#[test]
fn loom_a_success_from_before_a_reset_is_counted_before_it_or_stale() {
    let by_count = config().window(Window::Count { calls: 2 });
    let in_a_row = config().failure_ratio(None);
    let in_a_row = in_a_row.consecutive_failures(NonZeroU32::new(2));
    for config in [config(), by_count, in_a_row] {
        loom::model(move || {
            let at = At(time::now());
            let circuit = circuit(config.clone(), at);
            let permit = circuit.pass().unwrap();
            let other = Arc::clone(&circuit);
            let late = thread::spawn(move || {
                other.succeed(&permit, &at) || other.settle(&permit, None, &at).0 == Judged::Counted
            });
            let _ = circuit.steer(Policy::reset);
            let counted = late.join().unwrap();
            let snapshot = circuit.snapshot(&at).0;
            assert_eq!(snapshot.calls(), 0);
            assert_eq!(snapshot.stale(), u64::from(!counted));
        });
    }
}
