//! Who gets in, who waits, who is next, and when a wait ends.

use std::task::Poll;
use std::time::Duration;

use mainstay::bulkhead::{BulkheadLayer, Order};
use mainstay::{Deadline, Executed, Kind, Ratio, StackError};
use tokio::time::{Instant, advance};

use crate::room::{Room, SECOND, config, is_pending, poll, refusal};

#[tokio::test(start_paused = true)]
async fn as_many_as_the_limit_are_in_flight_and_the_next_is_refused_at_once() {
    for limit in [1, 2, 25] {
        let mut room = Room::new(config(limit, 0).retry_hint(7 * SECOND));
        let mut calls: Vec<_> = (0..limit).map(|_| room.call()).collect();
        assert!(calls.iter_mut().all(|(_, response)| is_pending(response)));
        let refused = refusal(&mut room.call().1);
        assert_eq!(refused.kind(), Kind::BulkheadFull);
        assert_eq!(refused.executed(), Executed::No);
        assert_eq!(refused.retry_after(), Some(7 * SECOND));
        assert_eq!(room.counts(), (limit, 0));
        assert_eq!(room.desk.started().len(), limit as usize);
    }
    assert!(BulkheadLayer::new("none", config(0, 0)).is_err());
}

#[tokio::test(start_paused = true)]
async fn the_largest_limits_refuse_nobody_and_the_longest_wait_is_never() {
    let largest = config(u32::MAX, u32::MAX).wait_max(Duration::MAX);
    let mut room = Room::new(largest);
    let mut calls: Vec<_> = (0..1000).map(|_| room.call()).collect();
    assert!(calls.iter_mut().all(|(_, response)| is_pending(response)));
    assert_eq!(room.counts(), (1000, 0));
    room.handle.resize(1).unwrap();
    let (_, mut waits) = room.call();
    assert!(is_pending(&mut waits));
    advance(Duration::from_secs(365 * 86_400)).await;
    assert!(is_pending(&mut waits));
    assert_eq!(room.counts(), (1000, 1));
}

#[tokio::test(start_paused = true)]
async fn as_many_as_the_queue_wait_and_the_next_is_refused_at_once() {
    for queue in [1, 2, 9] {
        let mut room = Room::new(config(1, queue));
        let _running = room.call();
        let mut waiting: Vec<_> = (0..queue).map(|_| room.call()).collect();
        assert!(waiting.iter_mut().all(|(_, waits)| is_pending(waits)));
        assert_eq!(refusal(&mut room.call().1).kind(), Kind::BulkheadFull);
        assert_eq!(room.counts(), (1, queue));
        assert_eq!(room.desk.started(), [0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_longest_time_and_not_before() {
    let mut room = Room::new(config(1, 1).retry_hint(3 * SECOND));
    let _running = room.call();
    let (_, mut waits) = room.call();
    assert!(is_pending(&mut waits));
    advance(Duration::from_millis(998)).await;
    assert!(is_pending(&mut waits));
    advance(Duration::from_millis(2)).await;
    let refused = refusal(&mut waits);
    assert_eq!(refused.kind(), Kind::QueueTimeout);
    assert_eq!(refused.executed(), Executed::No);
    assert_eq!(refused.retry_after(), Some(3 * SECOND));
    assert_eq!(room.counts(), (1, 0), "while the future still lives");
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_woken_when_the_time_is_up_and_when_it_is_its_turn() {
    let mut room = Room::new(config(1, 2));
    let (answer, running) = room.call();
    let (next, waits) = room.call();
    let (_, late) = room.call();
    let [running, waits, late] = [running, waits, late].map(tokio::spawn);
    tokio::task::yield_now().await;
    let before = Instant::now();
    answer.send(Ok(1)).unwrap();
    assert_eq!(running.await.unwrap().unwrap(), 1);
    let refused = late.await.unwrap().unwrap_err();
    assert_eq!(refused.rejection().unwrap().kind(), Kind::QueueTimeout);
    assert!((1000..=1001).contains(&before.elapsed().as_millis()));
    next.send(Ok(2)).unwrap();
    assert_eq!(waits.await.unwrap().unwrap(), 2);
    assert_eq!(room.counts(), (0, 0));
}

/// Five wait, are served one at a time, and start in the order `expected`.
fn assert_served(order: Order, expected: &[u32]) {
    let mut room = Room::new(config(1, 5).order(order));
    let mut running = room.call();
    let mut waiting: Vec<_> = (0..5).map(|_| room.call()).collect();
    for left in (0..5).rev() {
        running.0.send(Ok(0)).unwrap();
        assert!(matches!(poll(&mut running.1), Poll::Ready(Ok(0))));
        let started = room.desk.started().len();
        let next = waiting.iter_mut().position(|(_, waits)| {
            assert!(is_pending(waits));
            room.desk.started().len() > started
        });
        running = waiting.remove(next.expect("somebody is next"));
        assert_eq!(room.counts(), (1, left));
    }
    assert_eq!(room.desk.started()[1..], *expected);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_is_next() {
    assert_served(Order::Fifo, &[1, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn the_newest_is_next_while_there_is_a_backlog_and_the_oldest_after() {
    let share = |percent| Order::LifoUnderBacklog(Ratio::percent(percent).unwrap());
    assert_served(share(0), &[5, 4, 3, 2, 1]);
    assert_served(share(40), &[5, 4, 3, 1, 2]); // a backlog is more than two
    assert_served(share(99), &[5, 1, 2, 3, 4]);
    assert_served(share(100), &[1, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn under_a_backlog_the_oldest_leave_when_their_time_is_up() {
    let mut room = Room::new(config(1, 2).order(Order::LifoUnderBacklog(Ratio::ZERO)));
    let mut running = room.call();
    let (_, mut oldest) = room.call();
    assert!(is_pending(&mut oldest));
    for _ in 0..4 {
        advance(SECOND / 4).await;
        let mut newer = room.call();
        running.0.send(Ok(0)).unwrap();
        assert!(matches!(poll(&mut running.1), Poll::Ready(Ok(0))));
        assert!(is_pending(&mut newer.1));
        running = newer;
    }
    assert_eq!(refusal(&mut oldest).kind(), Kind::QueueTimeout);
    assert_eq!(room.counts(), (1, 0));
    assert_eq!(room.desk.started(), [0, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_comes_in_the_same_poll_as_the_end_of_the_wait_wins() {
    let mut room = Room::new(config(1, 1));
    let (_, running) = room.call();
    let (_, mut waits) = room.call();
    assert!(is_pending(&mut waits));
    advance(SECOND).await;
    drop(running);
    assert!(is_pending(&mut waits), "it runs");
    assert_eq!(room.desk.started(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_refuses_the_call_before_it_takes_anything() {
    let mut room = Room::new(config(1, 1));
    let refused = refusal(&mut room.call_by(Deadline::at(Instant::now())).await);
    assert_eq!(refused.kind(), Kind::DeadlineExceeded);
    assert_eq!(refused.executed(), Executed::No);
    assert_eq!((room.counts(), room.desk.started()), ((0, 0), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_comes_first_ends_the_wait() {
    let mut room = Room::new(config(1, 2));
    let _running = room.call();
    let mut waits = room.call_by(Deadline::within(SECOND / 4)).await;
    assert!(is_pending(&mut waits));
    advance(SECOND / 4).await;
    let refused = refusal(&mut waits);
    assert_eq!(refused.kind(), Kind::DeadlineExceeded);
    assert_eq!(refused.executed(), Executed::No);
    assert_eq!(refused.limit_and_elapsed(), Some((SECOND / 4, SECOND / 4)));
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_comes_after_the_deadline_goes_on_to_the_next() {
    let mut room = Room::new(config(1, 2));
    let (_, running) = room.call();
    let mut dead = room.call_by(Deadline::within(SECOND / 4)).await;
    let (_, mut alive) = room.call();
    assert!(is_pending(&mut dead) && is_pending(&mut alive));
    advance(SECOND / 4).await;
    drop(running);
    assert_eq!(refusal(&mut dead).kind(), Kind::DeadlineExceeded);
    assert!(is_pending(&mut alive));
    assert_eq!(room.desk.started(), [0, 2]);
}
