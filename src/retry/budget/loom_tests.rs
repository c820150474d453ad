//! Every interleaving of two threads on the types that hold atomics.

use std::time::Duration;

use loom::sync::Arc;
use loom::thread;

use crate::classify::Outcome;
use crate::ratio::Ratio;
use crate::time;

use super::entered::Entered;
use super::tokens::Tokens;
use super::{Budget, ConcurrencyBudget, ConcurrencyConfig, WindowedBudget, WindowedConfig};

fn join<T: 'static>(threads: [thread::JoinHandle<T>; 2]) -> [T; 2] {
    threads.map(|thread| thread.join().unwrap())
}

#[test]
fn loom_two_takers_never_get_the_same_token_and_none_is_made_up() {
    loom::model(|| {
        let tokens = Arc::new(Tokens::full(3));
        let threads = [(); 2].map(|()| {
            let tokens = Arc::clone(&tokens);
            thread::spawn(move || {
                let got = tokens.take(2);
                if got {
                    tokens.put(1);
                }
                got
            })
        });
        let got = join(threads).into_iter().filter(|got| *got).count();
        // 3 - 2 + 1 leaves 2 for the second taker, if the first had put back by then.
        assert_eq!(tokens.left(), 3 - got as u64);
        assert!(got >= 1);
    });
}

#[test]
fn loom_a_full_bucket_never_overflows() {
    loom::model(|| {
        let tokens = Arc::new(Tokens::full(2));
        tokens.drain(1);
        let threads = [(); 2].map(|()| {
            let tokens = Arc::clone(&tokens);
            thread::spawn(move || tokens.put(1))
        });
        join(threads);
        assert_eq!(tokens.left(), 2);
    });
}

#[test]
fn loom_extra_attempts_in_flight_never_pass_their_bound() {
    loom::model(|| {
        let config = ConcurrencyConfig::default().ratio(Ratio::ONE).minimum(0);
        let budget = Arc::new(ConcurrencyBudget::new(config).unwrap());
        let threads = [(); 2].map(|()| {
            let budget = Arc::clone(&budget);
            thread::spawn(move || {
                budget.enter();
                let receipt = budget.withdraw(time::now(), None);
                assert!(budget.extras() <= 2);
                if receipt.is_some() {
                    budget.settle(receipt, Outcome::Ignored);
                }
                budget.leave();
                receipt.is_some()
            })
        });
        assert_eq!(join(threads), [true; 2], "each is in flight itself");
        assert_eq!((budget.calls(), budget.extras()), (0, 0));
    });
}

#[test]
fn loom_the_last_of_the_floor_is_paid_once() {
    loom::model(|| {
        let config = WindowedConfig::default().ratio(Ratio::ZERO).floor(1);
        let config = config.window(Duration::from_secs(1));
        let budget = Arc::new(WindowedBudget::new(config).unwrap());
        let now = time::now();
        let threads = [(); 2].map(|()| {
            let budget = Arc::clone(&budget);
            thread::spawn(move || budget.withdraw(now, None).is_some())
        });
        let paid = join(threads).into_iter().filter(|paid| *paid).count();
        assert_eq!(paid, 1);
    });
}

#[test]
fn loom_no_call_that_enters_is_lost() {
    // Threads with a counter of their own, one with and one without, and both without.
    for own in [4, 1, 0] {
        loom::model(move || {
            let entered = Arc::new(Entered::with_own(own));
            let twin = Arc::clone(&entered);
            let other = thread::spawn(move || {
                (0..2).for_each(|_| assert!(!twin.count()));
            });
            assert!(!entered.count());
            assert!((1..=3).contains(&entered.total()));
            assert!(!entered.count());
            other.join().unwrap();
            assert_eq!(entered.total(), 4);
        });
    }
}
