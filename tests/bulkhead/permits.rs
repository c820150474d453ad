//! What frees a permit or a place in the queue, and how the limit changes in place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use mainstay::Kind;
use mainstay::bulkhead::BulkheadLayer;
use tokio::time::advance;

use crate::room::{
    Answer, Beside, Desk, PANICS_IN_CALL, PANICS_IN_FUTURE, Room, SECOND, config, is_pending, poll,
    refusal,
};

#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_dropped_leaves_no_trace() {
    let mut room = Room::new(config(1, 3));
    let (answer, mut running) = room.call();
    let (_, polled) = room.call();
    let (_, mut stays) = room.call();
    let (_, unpolled) = room.call();
    let mut polled = polled;
    assert!(is_pending(&mut polled) && is_pending(&mut stays));
    drop((unpolled, polled));
    assert_eq!(room.counts(), (1, 1));
    answer.send(Ok(0)).unwrap();
    assert!(matches!(poll(&mut running), Poll::Ready(Ok(0))));
    assert_eq!(room.counts(), (1, 0), "handed to the one that is left");
    assert!(is_pending(&mut stays));
    assert_eq!(room.desk.started(), [0, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_permit_handed_to_a_waiter_that_is_dropped_goes_to_the_next() {
    let mut room = Room::new(config(1, 2));
    let (_, running) = room.call();
    let (_, mut first) = room.call();
    let (_, mut second) = room.call();
    assert!(is_pending(&mut first) && is_pending(&mut second));
    drop(running);
    drop(first);
    assert!(is_pending(&mut second));
    assert_eq!(room.desk.started(), [0, 2]);
    drop(second);
    assert_eq!(room.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_permit_is_free_once_the_answer_is_there_and_the_inner_future_gone() {
    let mut room = Room::new(config(1, 0));
    let answers: [Answer; 2] = [Ok(7), Err("no".into())];
    for (id, answer) in (0..).zip(answers) {
        let (sender, mut response) = room.call();
        sender.send(answer).unwrap();
        match poll(&mut response) {
            Poll::Ready(Ok(seven)) => assert_eq!(seven, 7),
            Poll::Ready(Err(error)) => assert_eq!(error.to_string(), "no", "untouched"),
            Poll::Pending => panic!("it was answered"),
        }
        assert_eq!(room.counts(), (0, 0), "the response future still lives");
        assert_eq!(room.desk.log().last(), Some(&(id, "end")));
    }
}

/// Notes when it is rung.
struct Bell(Desk);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.note(u32::MAX, "next");
    }
}

#[tokio::test(start_paused = true)]
async fn the_inner_future_is_gone_before_the_permit_goes_on() {
    for is_answered in [true, false] {
        let mut room = Room::new(config(1, 1));
        let (answer, mut running) = room.call();
        assert!(is_pending(&mut running));
        let (_, mut waits) = room.call();
        let bell = Waker::from(Arc::new(Bell(room.desk.clone())));
        let mut cx = Context::from_waker(&bell);
        assert!(waits.as_mut().poll(&mut cx).is_pending());
        if is_answered {
            answer.send(Ok(0)).unwrap();
            assert!(poll(&mut running).is_ready());
        } else {
            drop(running);
        }
        let log = [(0, "start"), (0, "end"), (u32::MAX, "next")];
        assert_eq!(room.desk.log(), log);
    }
}

#[tokio::test(start_paused = true)]
async fn the_permit_is_freed_by_drop_and_by_panics() {
    let mut room = Room::new(config(1, 1));
    let (_, unpolled) = room.call();
    drop(unpolled);
    let (_, mut polled) = room.call();
    assert!(is_pending(&mut polled));
    drop(polled);
    assert_eq!(room.counts(), (0, 0));

    catch_unwind(AssertUnwindSafe(|| drop(room.call_as(PANICS_IN_CALL)))).unwrap_err();
    assert_eq!(room.counts(), (0, 0), "a panic in the inner `call`");

    let (_, mut panics) = room.call_as(PANICS_IN_FUTURE);
    catch_unwind(AssertUnwindSafe(|| drop(poll(&mut panics)))).unwrap_err();
    drop(panics);
    assert_eq!(room.counts(), (0, 0), "a panic in the inner future");

    let (_, running) = room.call();
    let (_, mut waits) = room.call_as(PANICS_IN_CALL);
    assert!(is_pending(&mut waits));
    drop(running);
    catch_unwind(AssertUnwindSafe(|| drop(poll(&mut waits)))).unwrap_err();
    assert_eq!(room.counts(), (0, 0), "in the inner `call`, after a wait");
}

#[tokio::test(start_paused = true)]
async fn a_hold_keeps_the_permit_as_long_as_it_likes() {
    let layer = BulkheadLayer::new("desk", config(1, 0)).unwrap();
    let mut room = Room::over(layer.hold(Beside));
    let (answer, mut response) = room.call();
    answer.send(Ok(5)).unwrap();
    let Poll::Ready(Ok((five, permit))) = poll(&mut response) else {
        panic!("it was answered");
    };
    drop(response);
    assert_eq!((five, room.counts()), (5, (1, 0)));
    assert_eq!(refusal(&mut room.call().1).kind(), Kind::BulkheadFull);
    std::thread::spawn(move || drop(permit)).join().unwrap();
    assert_eq!(room.counts(), (0, 0));

    let (answer, mut fails) = room.call();
    answer.send(Err("no".into())).unwrap();
    assert!(matches!(poll(&mut fails), Poll::Ready(Err(_))));
    assert_eq!(room.counts(), (0, 0), "nothing to hold it for");
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_raised_and_lowered_in_place() {
    let mut room = Room::new(config(3, 9));
    let mut running: Vec<_> = (0..3).map(|_| room.call()).collect();
    room.handle.resize(1).unwrap();
    let mut waiting: Vec<_> = (0..3).map(|_| room.call()).collect();
    assert_eq!((room.counts(), room.handle.limit()), ((3, 3), 1));
    running.truncate(1);
    assert_eq!(room.counts(), (1, 3), "the debt is paid first");
    room.handle.resize(3).unwrap();
    assert_eq!(room.counts(), (3, 1));
    for (_, waits) in waiting.iter_mut().rev() {
        assert!(is_pending(waits));
    }
    assert_eq!(
        room.desk.started(),
        [0, 1, 2, 4, 3],
        "the first two of them"
    );

    assert_eq!(room.handle.resize(0).unwrap_err().field(), "concurrency");
    room.handle.resize(u32::MAX).unwrap();
    assert_eq!((room.counts(), room.handle.limit()), ((4, 0), u32::MAX));
}

#[tokio::test(start_paused = true)]
async fn new_settings_hold_for_who_comes_and_who_waits_keeps_its_place() {
    let mut room = Room::new(config(1, 2));
    let _running = room.call();
    let (_, mut first) = room.call();
    let (_, mut second) = room.call();
    assert!(is_pending(&mut first) && is_pending(&mut second));
    let shorter = config(1, 1).wait_max(SECOND / 2);
    room.handle.reconfigure(shorter.clone()).unwrap();
    assert_eq!(room.counts(), (1, 2));
    drop(first);
    assert_eq!(refusal(&mut room.call().1).kind(), Kind::BulkheadFull);
    advance(SECOND / 2).await;
    assert!(is_pending(&mut second), "it met a longer time");
    drop(second);
    let (_, mut third) = room.call();
    assert!(is_pending(&mut third));
    advance(SECOND / 2).await;
    assert_eq!(refusal(&mut third).kind(), Kind::QueueTimeout);

    let wrong = shorter.clone().wait_max(Duration::ZERO);
    let error = room.handle.reconfigure(wrong).unwrap_err();
    assert_eq!(error.field(), "wait_max");
    assert_eq!(room.handle.snapshot().config(), &shorter);
}
