use std::task::Waker;

use futures::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::coordination::{EphemeralTokenStore, FencingGate};

fn token(number: u64) -> FencingToken {
    FencingToken::from_number(number).unwrap()
}

fn enter(gate: &FencingGate, number: u64) -> Permit {
    gate.try_enter(token(number)).unwrap()
}

fn alone(gate: &FencingGate, number: u64) -> Result<Permit, GateError> {
    gate.try_enter_beside(token(number), Beside::Nothing)
}

fn poll(entering: &mut Entering) -> Poll<Result<Permit, GateError>> {
    entering.poll(&Context::from_waker(Waker::noop()))
}

#[test]
fn a_term_comes_in_alone_once_everything_older_is_out_and_shuts_it_out_meanwhile() {
    let gate = FencingGate::in_memory(None);
    let old = enter(&gate, 1);
    assert!(matches!(alone(&gate, 2), Err(GateError::Unrecorded)));
    assert_eq!(
        gate.snapshot().high(),
        Some(token(1)),
        "to ask changes nothing"
    );
    let mut entering = gate.entering(token(2), Beside::Nothing);
    for _ in 0..3 {
        assert!(poll(&mut entering).is_pending());
    }
    assert_eq!(gate.snapshot().waiting(), 1);
    assert!(matches!(gate.try_enter(token(1)), Err(GateError::Stale(_))));
    drop(old);
    let Poll::Ready(Ok(first)) = poll(&mut entering) else {
        panic!("nothing older is inside");
    };
    let second = alone(&gate, 2).expect("its own are in nobody's way");
    drop(entering);
    let snapshot = gate.snapshot();
    assert_eq!((snapshot.in_flight(), snapshot.older()), (2, 0));
    assert_eq!(snapshot.waiting(), 0);
    drop((first, second));
}

#[test]
fn beside_older_ones_a_term_comes_in_at_once() {
    let gate = FencingGate::in_memory(None);
    let _old = enter(&gate, 1);
    let new = gate.try_enter_beside(token(2), Beside::Older);
    assert_eq!(new.unwrap().token(), token(2));
    let mut entering = gate.entering(token(3), Beside::Older);
    assert!(matches!(poll(&mut entering), Poll::Ready(Ok(_))));
}

#[test]
fn whoever_waits_and_is_overtaken_is_refused_and_an_old_one_at_once() {
    let gate = FencingGate::in_memory(None);
    let _old = enter(&gate, 1);
    let mut entering = gate.entering(token(2), Beside::Nothing);
    assert!(poll(&mut entering).is_pending());
    let mut later = gate.entering(token(3), Beside::Nothing);
    assert!(poll(&mut later).is_pending());
    let refused = poll(&mut entering);
    assert!(
        matches!(refused, Poll::Ready(Err(error)) if error.high() == Some(token(3))),
        "with older ones inside"
    );
    let refused = alone(&gate, 2);
    assert!(refused.is_err_and(|error| error.high() == Some(token(3))));
}

#[test]
fn a_visit_that_is_dropped_at_any_point_has_left() {
    let gate = FencingGate::in_memory(None);
    let old = enter(&gate, 1);
    drop(gate.entering(token(2), Beside::Nothing));
    assert_eq!(gate.snapshot().high(), Some(token(1)));
    for _ in 0..100 {
        let mut entering = gate.entering(token(2), Beside::Nothing);
        assert!(poll(&mut entering).is_pending());
    }
    assert_eq!(gate.snapshot().waiting(), 0);
    drop(old);
    assert!(alone(&gate, 2).is_ok());
    assert_eq!(gate.snapshot().in_flight(), 0);
}

#[tokio::test]
async fn alone_means_recorded_too() {
    let gate = FencingGate::durable(EphemeralTokenStore::new("ledger"));
    assert!(matches!(alone(&gate, 1), Err(GateError::Unrecorded)));
    let mut entering = gate.entering(token(1), Beside::Nothing);
    let permit = std::future::poll_fn(|cx| entering.poll(cx)).await.unwrap();
    assert_eq!(gate.snapshot().recorded(), Some(token(1)));
    drop((permit, entering));
    assert!(alone(&gate, 1).is_ok());
}

#[test]
fn a_clone_of_a_permit_keeps_a_seal_waiting_also_when_it_was_made_after_the_seal_began() {
    let gate = FencingGate::in_memory(None);
    let permit = enter(&gate, 1);
    let early = permit.clone();
    let mut seal = Box::pin(gate.seal(token(2)));
    assert!(seal.as_mut().now_or_never().is_none());
    let late = early.clone();
    assert_eq!(late.token(), token(1));
    assert_eq!(gate.snapshot().older(), 3);
    for held in [permit, early, late] {
        assert!(seal.as_mut().now_or_never().is_none());
        drop(held);
    }
    assert!(matches!(seal.as_mut().now_or_never(), Some(Ok(()))));
    assert_eq!(gate.snapshot().in_flight(), 0);
}

#[test]
fn a_visit_and_its_permit_can_go_anywhere() {
    fn anywhere<T: Send + Sync + 'static>() {}
    anywhere::<Entering>();
    anywhere::<Permit>();
}

proptest! {
    #[test]
    fn the_gate_agrees_with_a_model_of_it(
        steps in prop::collection::vec((0u8..5, 1u64..5, 0usize..8), 0..60)
    ) {
        let gate = FencingGate::in_memory(None);
        let mut permits: Vec<Permit> = Vec::new();
        let mut high = 0;
        for (step, number, which) in steps {
            let which = which.checked_rem(permits.len()).unwrap_or(0);
            let is_alone = permits.iter().all(|permit| permit.token().number() >= number);
            match step {
                0 => {
                    let entered = gate.try_enter(token(number));
                    prop_assert_eq!(entered.is_ok(), number >= high);
                    permits.extend(entered);
                    high = high.max(number);
                }
                1 => {
                    let entered = alone(&gate, number);
                    let stays_out = matches!(entered, Err(GateError::Unrecorded));
                    prop_assert_eq!(stays_out, number >= high && !is_alone);
                    prop_assert_eq!(entered.is_ok(), number >= high && is_alone);
                    if entered.is_ok() {
                        high = high.max(number);
                    }
                    permits.extend(entered);
                }
                2 => {
                    let mut entering = gate.entering(token(number), Beside::Nothing);
                    let entered = poll(&mut entering);
                    prop_assert_eq!(entered.is_pending(), number >= high && !is_alone);
                    high = high.max(number);
                    if let Poll::Ready(entered) = entered {
                        permits.extend(entered);
                    }
                }
                3 if !permits.is_empty() => permits.push(permits[which].clone()),
                4 if !permits.is_empty() => drop(permits.swap_remove(which)),
                _ => {}
            }
            let older = permits.iter().filter(|permit| permit.token().number() < high).count();
            let snapshot = gate.snapshot();
            prop_assert_eq!((snapshot.in_flight(), snapshot.older()), (permits.len(), older));
            prop_assert_eq!(snapshot.waiting(), 0);
        }
    }
}
