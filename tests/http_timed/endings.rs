//! How a body ends, and what is left of it.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, stream};
use http_body::Body;
use http_body_util::{BodyExt, StreamBody};
use mainstay::http::TimedBody;
use mainstay::test_util::{CountingWaker, drop_at_every_poll};
use mainstay::{Kind, StackError};
use tokio::time::advance;

use super::kit::{
    Broken, Item, MILLI, NEVER, SECOND, assert_over, data, limits, next, paced, poll, read,
    refusal, seen, sent, silent, trailers,
};

#[tokio::test(start_paused = true)]
async fn the_inner_body_is_gone_before_the_error_is_there_and_the_end_stays_the_end() {
    let (inner, alive) = seen(silent());
    let limits = limits(SECOND, SECOND, SECOND);
    let mut body = Box::pin(TimedBody::new(inner, limits, "db"));
    assert!(poll(&mut body).is_pending());
    assert_eq!(alive.strong_count(), 1);
    assert!(!body.is_end_stream());
    let error = next(&mut body).await.unwrap().unwrap_err();
    assert_eq!(alive.strong_count(), 0);
    assert_eq!(refusal(Some(error)).kind(), Kind::Timeout);
    assert_over(&mut body);
}

#[tokio::test(start_paused = true)]
async fn an_inner_error_passes_through_and_so_does_what_comes_after_it() {
    let items = vec![
        (MILLI, data("a")),
        (MILLI, Err(Broken(1))),
        (Duration::ZERO, Err(Broken(2))),
        (60 * SECOND, Err(Broken(3))), // not watched any more
    ];
    let (inner, alive) = seen(paced(items, false));
    let limits = limits(SECOND, SECOND, SECOND);
    let mut body = Box::pin(TimedBody::new(inner, limits, "db"));
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "a");
    for number in 1..=3 {
        let error = next(&mut body).await.unwrap().unwrap_err();
        assert!(error.rejection().is_none());
        assert_eq!(*error.downcast::<Broken>().unwrap(), Broken(number));
    }
    assert!(next(&mut body).await.is_none());
    assert_eq!(alive.strong_count(), 0);
    assert_over(&mut body);
}

#[tokio::test(start_paused = true)]
async fn trailers_are_the_end_and_no_limit_comes_after_them() {
    let items = vec![(MILLI, data("a")), (MILLI, trailers())];
    let limits = limits(SECOND, SECOND, SECOND);
    let inner = paced(items, true);
    let mut body = Box::pin(TimedBody::new(inner, limits, "db"));
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "a");
    let last = next(&mut body).await.unwrap().unwrap();
    assert_eq!(last, r#"{"digest": "one"}"#);
    advance(60 * SECOND).await;
    // The inner body says no more, and it is not for the limits to say what that means.
    assert!(poll(&mut body).is_pending());
}

/// Panics at the poll of this number.
struct Panics {
    polls: u32,
    _alive: Arc<()>,
}

impl Body for Panics {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
        self.polls = self.polls.checked_sub(1).expect("as it was told");
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_unwinds_through_and_leaves_nothing() {
    for polls in [0, 1, 2] {
        let alive = Arc::new(());
        let inner = Panics {
            polls,
            _alive: Arc::clone(&alive),
        };
        let limits = limits(SECOND, SECOND, SECOND);
        let mut body = Box::pin(TimedBody::new(inner, limits, "db"));
        for _ in 0..polls {
            assert!(poll(&mut body).is_pending());
        }
        let panic = catch_unwind(AssertUnwindSafe(|| poll(&mut body).is_pending()));
        let said = panic.unwrap_err();
        assert_eq!(said.downcast_ref::<String>().unwrap(), "as it was told");
        drop(body);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_at_any_poll_leaves_nothing() {
    let frames = || vec![(SECOND / 2, data("a")), (SECOND / 2, data("b"))];
    for hangs in [false, true] {
        let (_, none) = seen(silent());
        let watch = std::cell::RefCell::new(none);
        let reading = || {
            let (inner, alive) = seen(paced(frames(), hangs));
            *watch.borrow_mut() = alive;
            let limits = limits(SECOND, SECOND, NEVER);
            TimedBody::new(inner, limits, "db").collect()
        };
        let polls = drop_at_every_poll(reading, |cut| {
            assert_eq!(watch.borrow().strong_count(), 0, "{cut:?}");
        });
        assert!(polls.await >= 3);
    }
}

#[tokio::test(start_paused = true)]
async fn the_latest_waker_is_woken_by_the_frame_and_by_the_limit_and_kept_by_neither() {
    for cut in [false, true] {
        let (sender, inner) = sent();
        let limits = limits(SECOND, SECOND, NEVER);
        let mut body = Box::pin(TimedBody::new(inner, limits, "db"));
        let (first, last) = (CountingWaker::new(), CountingWaker::new());
        let mut frame = Box::pin(poll_fn(|cx| body.as_mut().poll_frame(cx)));
        assert!(first.poll_once(frame.as_mut()).is_pending());
        assert!(last.poll_once(frame.as_mut()).is_pending());
        assert_eq!((first.wakes(), last.wakes()), (0, 0), "woken for nothing");
        if !cut {
            sender.unbounded_send(data("a")).unwrap();
        }
        let woken = tokio::time::timeout(2 * SECOND, last.woken(0)).await;
        assert!(woken.is_ok(), "{cut}");
        let Poll::Ready(Some(item)) = last.poll_once(frame.as_mut()) else {
            panic!("it was woken for this");
        };
        assert_eq!(item.is_err(), cut);
        drop(frame);
        drop(body);
        drop(sender); // the channel keeps the last that waited
        assert!(!first.is_kept() && !last.is_kept());
    }
}

/// tokio gives each poll of a task a budget, and its own resources, timers included, are pending
/// when it is used up.
#[tokio::test(start_paused = true)]
async fn an_inner_body_that_burns_the_budget_cannot_put_the_limit_off() {
    let polls = Arc::new(Mutex::new(0));
    let burning = stream::poll_fn(move |cx| {
        *polls.lock().unwrap() += 1;
        assert!(*polls.lock().unwrap() < 1_000, "put off for ever");
        loop {
            let consumed = std::pin::pin!(tokio::task::consume_budget()).poll(cx);
            if consumed.is_pending() {
                return Poll::<Option<Item>>::Pending; // it has woken the task
            }
        }
    });
    let limits = limits(SECOND, SECOND, NEVER);
    let body = TimedBody::new(StreamBody::new(burning), limits, "db");
    let reading = tokio::spawn(body.collect());
    tokio::task::yield_now().await;
    advance(2 * SECOND).await;
    let error = reading.await.unwrap().unwrap_err();
    assert_eq!(error.rejection().unwrap().kind(), Kind::Timeout);
}

#[test]
fn the_first_wait_makes_the_timer_and_a_body_that_cannot_have_one_is_dropped_whole() {
    let (inner, alive) = seen(silent());
    let limits = limits(SECOND, SECOND, NEVER);
    let body = TimedBody::new(inner, limits, "db");
    let panic = catch_unwind(AssertUnwindSafe(|| body.collect().now_or_never()));
    assert!(panic.is_err(), "a timer without a runtime");
    assert_eq!(alive.strong_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_frame_after_the_limit_passed_in_one_poll_wins_and_the_next_wait_is_the_end() {
    let (sender, inner) = sent();
    let mut body = Box::pin(TimedBody::new(inner, limits(NEVER, NEVER, SECOND), "db"));
    assert!(poll(&mut body).is_pending());
    advance(60 * SECOND).await;
    sender.unbounded_send(data("a")).unwrap();
    sender.unbounded_send(data("b")).unwrap();
    for text in ["a", "b"] {
        assert_eq!(next(&mut body).await.unwrap().unwrap(), text);
    }
    let Poll::Ready(Some(Err(_))) = poll(&mut body) else {
        panic!("it is over in the poll that finds nothing");
    };
    let (sender, inner) = sent();
    let mut body = Box::pin(TimedBody::new(inner, limits(NEVER, NEVER, SECOND), "db"));
    assert!(poll(&mut body).is_pending());
    advance(60 * SECOND).await;
    drop(sender);
    assert!(
        next(&mut body).await.is_none(),
        "an end in time of the poll"
    );
}

#[tokio::test(start_paused = true)]
async fn data_that_was_given_out_is_what_was_sent_up_to_the_cut() {
    let sent: Vec<_> = ["ab", "", "cde"].map(|text| (MILLI, data(text))).into();
    let limits = limits(SECOND, SECOND, NEVER);
    let mut body = Box::pin(TimedBody::new(paced(sent, true), limits, "db"));
    let (all, error) = read(&mut body).await;
    assert_eq!(all, "abcde");
    assert_eq!(refusal(error).kind(), Kind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_there_wins_however_many_were_waited_for_before() {
    let (sender, inner) = sent();
    let mut body = Box::pin(TimedBody::new(inner, limits(NEVER, NEVER, SECOND), "db"));
    for _ in 0..64 {
        assert!(poll(&mut body).is_pending());
        sender.unbounded_send(data("a")).unwrap();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "a");
    }
    advance(60 * SECOND).await;
    sender.unbounded_send(data("late")).unwrap();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "late");
}
