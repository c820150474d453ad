//! One behaviour each.

use std::sync::Arc;

use crate::support::{Item, Reader, Source, State, poll_in_the_middle};

fn data(text: &str) -> Item {
    Item::Data(text.into())
}

#[test]
fn two_readers_each_get_the_whole_body_and_either_may_drive_it() {
    let source = Source::of(vec![data("ab"), data("cd"), data("ef")]);
    let mut first = Reader::first(&source, 64);
    let mut second = first.copy().unwrap();
    for _ in 0..4 {
        source.release();
    }
    assert!(first.poll());
    assert!(second.poll() && second.poll());
    assert_eq!((&*first.read, &*second.read), (&b"ab"[..], &b"abcd"[..]));
    while !first.is_done() {
        assert!(first.poll());
    }
    while !second.is_done() {
        assert!(second.poll());
    }
    assert_eq!(
        (&*first.read, &*second.read),
        (&b"abcdef"[..], &b"abcdef"[..])
    );
    assert_eq!((first.state, second.state), (State::Ended, State::Ended));
}

#[test]
fn whoever_polled_last_news_wake_every_reader_that_waits() {
    let source = Source::of(vec![data("ab")]);
    let mut first = Reader::first(&source, 64);
    let mut second = first.copy().unwrap();
    assert!(!first.poll() && !second.poll());
    source.release();
    assert!(first.was_woken() && second.was_woken());

    // The second takes the piece; the first hears of the next although only the second asked.
    assert!(second.poll() && !second.poll());
    drop(second);
    assert!(first.poll() && !first.poll());
    source.release();
    assert!(first.was_woken() && first.poll());
    assert_eq!(first.state, State::Ended);
}

#[test]
fn a_piece_that_one_reader_takes_at_once_wakes_the_other() {
    let source = Source::of(vec![data("ab")]);
    let mut first = Reader::first(&source, 64);
    let mut second = first.copy().unwrap();
    assert!(!first.poll());
    // Released without a word: the live body forgets the waker of the poll before.
    source.0.lock().unwrap().released = 1;
    assert!(second.poll());
    assert!(first.was_woken() && first.poll());
    assert_eq!(first.read, b"ab");
}

#[test]
fn a_reader_that_finds_the_body_being_polled_is_woken_after() {
    let source = Source::of(vec![data("ab")]);
    let mut first = Reader::first(&source, 64);
    let second = first.copy().unwrap();
    let (polled, ready, mut second) = poll_in_the_middle(&mut first, second);
    assert!(!ready, "the live body is not here");
    assert!(!polled.unwrap());
    assert!(second.was_woken(), "to poll the live body itself");
    assert!(!first.was_woken(), "nobody wakes itself in a loop");
    assert!(!second.poll() && !first.was_woken());

    source.release();
    let (polled, ready, mut second) = poll_in_the_middle(&mut first, second);
    assert!(!ready, "the live body is not here");
    assert!(polled.unwrap());
    assert!(second.was_woken() && second.poll());
    assert_eq!((&*first.read, &*second.read), (&b"ab"[..], &b"ab"[..]));
}

#[test]
fn a_panic_of_the_live_body_fails_the_others_and_leaves_nobody_waiting() {
    let source = Source::of(vec![data("ab"), Item::Panic]);
    let mut first = Reader::first(&source, 64);
    let second = first.copy().unwrap();
    source.release();
    assert!(first.poll());
    let mut second = second;
    assert!(second.poll());
    source.release();
    let (polled, ready, mut second) = poll_in_the_middle(&mut first, second);
    assert!(!ready, "the live body is not here");
    assert!(polled.is_err());
    assert!(second.was_woken() && second.poll());
    assert_eq!(second.state, State::Lost);
    assert!(!second.is_intact() && first.copy().is_none());
    assert!(first.poll());
    assert_eq!(first.state, State::Lost, "and never the end");
}

#[test]
fn past_the_cap_the_newest_that_has_begun_goes_on() {
    let bodies = || {
        let source = Source::of(vec![data("ab"), data("cd"), data("ef")]);
        (0..4).for_each(|_| source.release());
        let first = Reader::first(&source, 3);
        let second = first.copy().unwrap();
        (first, second)
    };
    let finish = |reader: &mut Reader| {
        while !reader.is_done() {
            assert!(reader.poll());
        }
        reader.state
    };

    // A copy that waits for its turn does not take the body from the attempt that runs.
    let (mut first, mut second) = bodies();
    assert_eq!(finish(&mut first), State::Ended);
    assert_eq!(
        (&*first.read, finish(&mut second)),
        (&b"abcdef"[..], State::Lost)
    );

    // An attempt that was given up but goes on sending does not take it from its successor,
    // whichever of them comes to the cap.
    let (mut first, mut second) = bodies();
    assert!(first.poll() && second.poll() && first.poll());
    assert_eq!(first.state, State::Lost);
    assert_eq!(second.copy().is_none(), first.copy().is_none());
    assert_eq!(
        (finish(&mut second), &*second.read),
        (State::Ended, &b"abcdef"[..])
    );
    let (mut first, mut second) = bodies();
    assert!(first.poll() && second.poll() && second.poll());
    assert_eq!(finish(&mut first), State::Lost);
    assert_eq!(
        (finish(&mut second), &*second.read),
        (State::Ended, &b"abcdef"[..])
    );

    // A copy that has gone has no claim.
    let (mut first, mut second) = bodies();
    assert!(first.poll() && second.poll());
    drop(second);
    assert_eq!(
        (finish(&mut first), &*first.read),
        (State::Ended, &b"abcdef"[..])
    );
}

#[test]
fn the_live_body_goes_with_its_last_reader_though_it_holds_their_waker() {
    let source = Source::of(vec![data("ab")]);
    let held = || Arc::strong_count(&source.0) > 1;
    let mut first = Reader::first(&source, 64);
    let second = first.copy().unwrap();
    let extensions = first.request.extensions().clone();
    assert!(!first.poll() && source.0.lock().unwrap().waker.is_some());
    drop(second);
    assert!(held());
    drop(first);
    // The script keeps the waker, as a channel would; the waker must not keep the body.
    assert!(!held());
    drop(extensions);
}

#[test]
fn a_reader_that_has_gone_is_woken_by_nobody() {
    let source = Source::of(vec![data("ab")]);
    let mut first = Reader::first(&source, 64);
    let mut second = first.copy().unwrap();
    assert!(!first.poll() && !second.poll());
    let waker = first.waker();
    drop(first);
    assert!(waker.upgrade().is_none(), "its task would be kept alive");
    source.release();
    assert!(second.was_woken());
}

#[test]
fn the_live_body_goes_when_it_has_ended_or_its_newest_reader_has() {
    let source = Source::of(vec![data("ab")]);
    let held = || Arc::strong_count(&source.0) > 1;
    let mut first = Reader::first(&source, 64);
    source.release();
    source.release();
    assert!(first.poll() && held());
    assert!(first.poll() && !held());

    let source = Source::of(vec![data("ab"), data("cd")]);
    let held = || Arc::strong_count(&source.0) > 1;
    let mut first = Reader::first(&source, 1);
    let mut second = first.copy().unwrap();
    let unread = first.copy().unwrap();
    assert!(!second.poll());
    source.release();
    assert!(first.poll() && held(), "it is the second's now");
    drop(second);
    assert!(!held(), "nobody else can read it");
    drop(unread);
}
