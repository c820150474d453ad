//! The windows under every interleaving of a few calls and one change.

use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use super::*;
use crate::breaker::epoch::Epoch;

const BY_TIME: Option<Window> = Some(Window::Time {
    length: Duration::from_secs(1),
    buckets: 1,
});
const BY_COUNT: Option<Window> = Some(Window::Count { calls: 2 });

fn record(windows: &Windows, epoch: Epoch) -> Recorded {
    windows.record(epoch, Sample::FAILED, || 0)
}

#[test]
fn loom_a_call_is_counted_in_its_epoch_or_stale_and_never_in_the_next() {
    for shape in [BY_TIME, BY_COUNT] {
        loom::model(move || {
            let windows = Arc::new(Windows::new(shape, Epoch::FIRST));
            let calls = [(); 2].map(|()| {
                let windows = Arc::clone(&windows);
                thread::spawn(move || record(&windows, Epoch::FIRST))
            });
            let next = Epoch::FIRST.next();
            windows.restart(next);
            assert_eq!(record(&windows, next), Recorded::Counted);
            for call in calls {
                assert_ne!(call.join().unwrap(), Recorded::NotKept);
            }
            assert_eq!(windows.counts(0).calls, 1);
        });
    }
}

#[test]
fn loom_calls_on_two_threads_are_all_counted() {
    for shape in [BY_TIME, BY_COUNT] {
        loom::model(move || {
            let windows = Arc::new(Windows::new(shape, Epoch::FIRST));
            let other = Arc::clone(&windows);
            let call = thread::spawn(move || record(&other, Epoch::FIRST));
            assert_eq!(record(&windows, Epoch::FIRST), Recorded::Counted);
            assert_eq!(call.join().unwrap(), Recorded::Counted);
            assert_eq!(windows.counts(0).failures, 2);
        });
    }
}

#[test]
fn loom_a_call_that_ends_while_the_window_is_replaced_finds_the_old_or_the_new() {
    for (old, new) in [(BY_TIME, BY_COUNT), (BY_COUNT, BY_TIME), (BY_TIME, BY_TIME)] {
        loom::model(move || {
            let windows = Arc::new(Windows::new(old, Epoch::FIRST));
            let other = Arc::clone(&windows);
            let call = thread::spawn(move || record(&other, Epoch::FIRST));
            windows.reshape(new);
            assert_eq!(call.join().unwrap(), Recorded::Counted);
            let before = windows.counts(0).calls;
            assert!(before <= 1);
            assert_eq!(record(&windows, Epoch::FIRST), Recorded::Counted);
            assert_eq!(windows.counts(0).calls, before + 1);
        });
    }
}

#[test]
fn loom_failures_in_a_row_are_all_counted_and_an_earlier_epoch_counts_none() {
    loom::model(|| {
        let run = Arc::new(Consecutive::new(Epoch::FIRST));
        let calls = [(); 2].map(|()| {
            let run = Arc::clone(&run);
            thread::spawn(move || run.fail(Epoch::FIRST))
        });
        for call in calls {
            call.join().unwrap();
        }
        assert_eq!(run.count(), 2);
    });
    loom::model(|| {
        let run = Arc::new(Consecutive::new(Epoch::FIRST));
        let calls = [
            Consecutive::fail as fn(&Consecutive, Epoch),
            Consecutive::succeed,
        ]
        .map(|end| {
            let run = Arc::clone(&run);
            thread::spawn(move || end(&run, Epoch::FIRST))
        });
        let next = Epoch::FIRST.next();
        run.restart(next);
        run.fail(next);
        for call in calls {
            call.join().unwrap();
        }
        assert_eq!(run.count(), 1);
    });
}
