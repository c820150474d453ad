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

/// Without a lock where that suffices, as the services do.
fn succeed(windows: &Windows, epoch: Epoch) -> Recorded {
    let recorded = windows.succeed(epoch, || 0);
    recorded.unwrap_or_else(|| windows.record(epoch, Sample::OK, || 0))
}

#[test]
fn loom_a_success_is_counted_in_its_epoch_or_stale_and_never_in_the_next() {
    for shape in [BY_TIME, BY_COUNT] {
        loom::model(move || {
            let windows = Arc::new(Windows::new(shape, Epoch::FIRST));
            let calls = [(); 2].map(|()| {
                let windows = Arc::clone(&windows);
                thread::spawn(move || succeed(&windows, Epoch::FIRST))
            });
            let next = Epoch::FIRST.next();
            windows.restart(next);
            assert_eq!(succeed(&windows, next), Recorded::Counted);
            for call in calls {
                assert_ne!(call.join().unwrap(), Recorded::NotKept);
            }
            assert_eq!(windows.counts(0).calls, 1);
        });
    }
}

#[test]
fn loom_successes_are_counted_once_while_others_need_the_window() {
    for shape in [BY_TIME, Some(Window::Count { calls: 4 })] {
        loom::model(move || {
            let windows = Arc::new(Windows::new(shape, Epoch::FIRST));
            let other = Arc::clone(&windows);
            let call = thread::spawn(move || {
                assert_eq!(succeed(&other, Epoch::FIRST), Recorded::Counted);
                assert_eq!(succeed(&other, Epoch::FIRST), Recorded::Counted);
            });
            assert_eq!(succeed(&windows, Epoch::FIRST), Recorded::Counted);
            assert_eq!(record(&windows, Epoch::FIRST), Recorded::Counted);
            let seen = windows.counts(0);
            assert!((2..=4).contains(&seen.calls) && seen.failures == 1);
            call.join().unwrap();
            let counts = windows.counts(0);
            assert_eq!((counts.calls, counts.failures), (4, 1));
        });
    }
}

#[test]
fn loom_a_failure_leaves_a_ring_with_the_successes_after_it_and_not_before() {
    loom::model(|| {
        let windows = Arc::new(Windows::new(BY_COUNT, Epoch::FIRST));
        // The stripe is full of what was before the failure.
        for _ in 0..3 {
            let _ = succeed(&windows, Epoch::FIRST);
        }
        let other = Arc::clone(&windows);
        let call = thread::spawn(move || {
            let _ = succeed(&other, Epoch::FIRST);
        });
        let _ = record(&windows, Epoch::FIRST);
        assert_eq!(windows.counts(0).failures, 1);
        let _ = succeed(&windows, Epoch::FIRST);
        call.join().unwrap();
        // The other one came before the failure or after.
        assert!(windows.counts(0).failures <= 1);
        let _ = succeed(&windows, Epoch::FIRST);
        let counts = windows.counts(0);
        assert_eq!((counts.calls, counts.failures), (2, 0));
    });
}

#[test]
fn loom_a_success_whose_window_is_replaced_finds_the_old_or_the_new() {
    let longer = Some(Window::Count { calls: 3 });
    for (old, new) in [
        (BY_TIME, BY_COUNT),
        (BY_COUNT, BY_TIME),
        (BY_COUNT, longer),
        (BY_TIME, BY_TIME),
    ] {
        loom::model(move || {
            let windows = Arc::new(Windows::new(old, Epoch::FIRST));
            for _ in 0..2 {
                let _ = succeed(&windows, Epoch::FIRST);
            }
            let other = Arc::clone(&windows);
            let call = thread::spawn(move || succeed(&other, Epoch::FIRST));
            windows.reshape(new);
            assert_eq!(call.join().unwrap(), Recorded::Counted);
            let before = windows.counts(0).calls;
            assert!(before <= 1);
            assert_eq!(succeed(&windows, Epoch::FIRST), Recorded::Counted);
            assert_eq!(windows.counts(0).calls, before + 1);
        });
    }
}

#[test]
fn loom_a_success_is_counted_in_the_bucket_of_its_time() {
    loom::model(|| {
        let window = Some(Window::Time {
            length: Duration::from_nanos(20),
            buckets: 2,
        });
        let windows = Arc::new(Windows::new(window, Epoch::FIRST));
        let other = Arc::clone(&windows);
        let call = thread::spawn(move || {
            let recorded = other.succeed(Epoch::FIRST, || 15);
            recorded.unwrap_or_else(|| other.record(Epoch::FIRST, Sample::OK, || 15))
        });
        assert_eq!(succeed(&windows, Epoch::FIRST), Recorded::Counted);
        // The bucket changes.
        assert!((1..=2).contains(&windows.counts(10).calls));
        assert_eq!(call.join().unwrap(), Recorded::Counted);
        assert_eq!(windows.counts(19).calls, 2);
        assert_eq!(windows.counts(29).calls, 1, "the first has left");
        assert_eq!(windows.counts(30).calls, 0);
    });
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
