//! Which limit ends a body, and when.

use std::task::Poll;
use std::time::Duration;

use futures::stream;
use http_body::Body as _;
use http_body_util::StreamBody;
use mainstay::http::{BodyLimits, BodyTimeoutConfig, TimedBody};
use mainstay::{Deadline, Executed, Kind};
use tokio::time::{Instant, advance};

use super::kit::{
    MILLI, NEARLY, NEVER, SECOND, assert_on_time, assert_over, config, data, limits, next, paced,
    poll, read, refusal, sent, silent,
};

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_after_the_head_is_ended_by_first() {
    let limits = limits(SECOND, 5 * SECOND, 9 * SECOND);
    let mut body = Box::pin(TimedBody::new(silent(), limits, "db"));
    let head = Instant::now();
    let (all, error) = read(&mut body).await;
    assert_eq!(all, "");
    let refusal = refusal(error);
    assert_eq!(refusal.kind(), Kind::Timeout);
    assert_eq!(refusal.executed(), Executed::Unknown);
    assert_eq!(refusal.layer(), "db");
    let told = refusal.limit_and_elapsed();
    assert_eq!(told, Some((SECOND, head.elapsed())));
    assert_on_time(head.elapsed(), SECOND);
    assert_over(&mut body);
}

#[tokio::test(start_paused = true)]
async fn a_byte_just_within_idle_again_and_again_is_ended_by_total() {
    let pace = || (0..10_000).map(|_| (NEARLY, data("x"))).collect();
    let limit = limits(SECOND, SECOND, 60 * SECOND);
    let mut body = Box::pin(TimedBody::new(paced(pace(), true), limit, "db"));
    let head = Instant::now();
    let (all, error) = read(&mut body).await;
    assert_eq!(all.len(), 60, "60 * 999 ms are within 60 s");
    let told = refusal(error).limit_and_elapsed();
    assert_eq!(told, Some((60 * SECOND, head.elapsed())));
    assert_on_time(head.elapsed(), 60 * SECOND);

    let limit = limits(SECOND, SECOND, NEVER);
    let mut body = Box::pin(TimedBody::new(paced(pace(), false), limit, "db"));
    let (all, error) = read(&mut body).await;
    assert_eq!((all.len(), error.is_none()), (10_000, true));
}

#[tokio::test(start_paused = true)]
async fn a_gap_within_idle_passes_and_one_past_it_is_cut() {
    for (gap, passes) in [
        (NEARLY, true),
        (SECOND, true), // ready in the poll in which the limit passes
        (SECOND + 2 * MILLI, false),
    ] {
        let frames = vec![(5 * SECOND, data("a")), (gap, data("b"))];
        let limits = limits(NEVER, SECOND, NEVER);
        let mut body = Box::pin(TimedBody::new(paced(frames, false), limits, "db"));
        let (all, error) = read(&mut body).await;
        if passes {
            assert_eq!((&*all, error.is_none()), ("ab", true), "{gap:?}");
        } else {
            assert_eq!(all, "a");
            let (limit, elapsed) = refusal(error).limit_and_elapsed().unwrap();
            assert_eq!(limit, SECOND);
            assert_on_time(elapsed, SECOND);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stays_away_does_not_use_up_idle() {
    let (sender, inner) = sent();
    let mut body = Box::pin(TimedBody::new(inner, limits(SECOND, SECOND, NEVER), "db"));
    for turn in 0..3 {
        sender.unbounded_send(data("a")).unwrap();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "a", "{turn}");
        advance(60 * SECOND).await; // held back, say by its own peer
        sender.unbounded_send(data("b")).unwrap();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "b");
        advance(60 * SECOND).await;
        assert!(poll(&mut body).is_pending(), "the wait begins here");
        advance(NEARLY).await;
        assert!(poll(&mut body).is_pending(), "the same wait");
    }
    // A reader that asked and then stayed away: the frame that came meanwhile is there.
    advance(60 * SECOND).await;
    sender.unbounded_send(data("c")).unwrap();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "c");
    let since = Instant::now();
    assert_eq!(
        refusal(read(&mut body).await.1).limit_and_elapsed(),
        Some((SECOND, since.elapsed()))
    );
    assert_on_time(since.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn first_and_total_run_from_the_head_and_nothing_ends_before_somebody_polls() {
    for limit in [limits(SECOND, NEVER, NEVER), limits(NEVER, NEVER, SECOND)] {
        let (sender, inner) = sent();
        let mut body = Box::pin(TimedBody::new(inner, limit, "db"));
        advance(2 * SECOND).await;
        assert!(!body.is_end_stream() && !sender.is_closed(), "unread");
        // What is there is given out, however late.
        sender.unbounded_send(data("late")).unwrap();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "late");

        let (sender, inner) = sent();
        let mut body = Box::pin(TimedBody::new(inner, limit, "db"));
        advance(2 * SECOND).await;
        let Poll::Ready(Some(Err(error))) = poll(&mut body) else {
            panic!("nothing is there, and the time is over");
        };
        let told = refusal(Some(error)).limit_and_elapsed();
        assert_eq!(told, Some((SECOND, 2 * SECOND)));
        assert!(sender.is_closed());
        assert_over(&mut body);
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_body_and_wins_over_a_total_of_the_same_instant() {
    let total = limits(NEVER, NEVER, SECOND);
    for (left, total, kind) in [
        (SECOND, total, Kind::DeadlineExceeded),
        (NEARLY, total, Kind::DeadlineExceeded),
        (SECOND + MILLI, total, Kind::Timeout),
        (NEVER, total, Kind::Timeout),
    ] {
        let limits = total.deadline(Deadline::within(left));
        let mut body = Box::pin(TimedBody::new(silent(), limits, "db"));
        let refusal = refusal(read(&mut body).await.1);
        assert_eq!(
            (refusal.kind(), refusal.executed()),
            (kind, Executed::Unknown)
        );
        let (limit, elapsed) = refusal.limit_and_elapsed().unwrap();
        assert_eq!(limit, left.min(SECOND), "{left:?}");
        assert_on_time(elapsed, limit);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_ends_what_is_not_there_at_once() {
    let limits = BodyLimits::until(Deadline::within(Duration::ZERO));
    let items = vec![(Duration::ZERO, data("a")), (NEVER, data("b"))];
    let mut body = Box::pin(TimedBody::new(paced(items, true), limits, "db"));
    let polled = poll(&mut body);
    assert!(matches!(polled, Poll::Ready(Some(Ok(text))) if text == "a"));
    let Poll::Ready(Some(Err(error))) = poll(&mut body) else {
        panic!("the time is over");
    };
    assert_eq!(refusal(Some(error)).kind(), Kind::DeadlineExceeded);
}

/// A sender so fast, or a reader so slow, that there is always a frame.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_never_pending_is_ended_too_within_64_frames() {
    for kind in [Kind::Timeout, Kind::DeadlineExceeded] {
        let limits = match kind {
            Kind::Timeout => limits(NEVER, NEVER, SECOND),
            _ => BodyLimits::until(Deadline::within(SECOND)),
        };
        let endless = StreamBody::new(stream::repeat_with(|| data("x")));
        let mut body = Box::pin(TimedBody::new(endless, limits, "db"));
        for frame in 0..1000 {
            let polled = poll(&mut body);
            assert!(matches!(polled, Poll::Ready(Some(Ok(_)))), "{frame}");
        }
        advance(SECOND).await;
        let late = (0..=64).find_map(|frame| match poll(&mut body) {
            Poll::Ready(Some(Err(error))) => Some((frame, error)),
            _ => None,
        });
        let (frame, error) = late.expect("it is cut within 64 frames");
        assert_eq!(frame, 1024 - 1000, "the clock is read once in 64 frames");
        assert_eq!(refusal(Some(error)).kind(), kind);
        assert_over(&mut body);
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_limit_does_not_touch_a_body_that_is_never_pending() {
    let endless = StreamBody::new(stream::repeat_with(|| data("x")));
    let limits = limits(SECOND, SECOND, NEVER);
    let mut body = Box::pin(TimedBody::new(endless, limits, "db"));
    for frame in 0..200 {
        advance(60 * SECOND).await;
        let polled = poll(&mut body);
        assert!(matches!(polled, Poll::Ready(Some(Ok(_)))), "{frame}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_limit_never_ends_a_body() {
    let day = 24 * 60 * 60 * SECOND;
    let frames = vec![(365 * day, data("a")), (365 * day, data("b"))];
    let never = limits(NEVER, NEVER, NEVER).deadline(Deadline::NEVER);
    let mut body = Box::pin(TimedBody::new(paced(frames, false), never, "db"));
    let (all, error) = read(&mut body).await;
    assert_eq!((&*all, error.is_none()), ("ab", true));
}

#[test]
fn a_limit_of_nothing_is_refused_by_name_and_the_least_and_the_longest_are_not() {
    let good = [Duration::from_nanos(1), SECOND, NEVER];
    for (field, at) in [("first", 0), ("idle", 1), ("total", 2)] {
        let with = |limit| {
            let mut all = [SECOND; 3];
            all[at] = limit;
            BodyLimits::new(&config(all[0], all[1], all[2]))
        };
        let error = with(Duration::ZERO).unwrap_err();
        assert_eq!(error.field(), field);
        assert_eq!(
            error.to_string(),
            format!("{field} is 0ns, but must be above zero")
        );
        for limit in good {
            assert!(with(limit).is_ok(), "{field} {limit:?}");
        }
    }
    assert!(BodyLimits::new(&BodyTimeoutConfig::default()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_shortest_limit_ends_what_is_not_there_and_gives_out_what_is() {
    let nano = Duration::from_nanos(1);
    let items = vec![(Duration::ZERO, data("a")), (MILLI, data("b"))];
    let limits = limits(nano, nano, NEVER);
    let mut body = Box::pin(TimedBody::new(paced(items, false), limits, "db"));
    // What is due in the same millisecond wins.
    assert_eq!(read(&mut body).await.0, "ab");
    let mut body = Box::pin(TimedBody::new(silent(), limits, "db"));
    assert_eq!(refusal(read(&mut body).await.1).kind(), Kind::Timeout);
}

/// tokio rounds its timers up to the millisecond; what has passed by less is over all the same.
#[tokio::test(start_paused = true)]
async fn what_has_passed_by_less_than_a_timers_grain_is_over_at_the_first_poll() {
    let micro = Duration::from_micros(1);
    for passed in [Duration::ZERO, micro] {
        let limits = limits(NEVER, NEVER, SECOND + micro);
        let mut body = Box::pin(TimedBody::new(silent(), limits, "db"));
        advance(SECOND + micro + passed).await;
        assert!(poll(&mut body).is_ready(), "{passed:?}");
    }
}
