//! Every interleaving of two readers, as far as their locks go.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame};
use tower::BoxError;

use super::ReplayBody;
use super::waiters::Waiters;

/// Ready with one frame, then pending for ever; it keeps no waker.
struct OneFrame(bool);

impl Body for OneFrame {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if std::mem::replace(&mut self.0, false) {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"a")))))
        } else {
            Poll::Pending
        }
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Polls once: whether it had the frame (or an error), if it was ready.
fn poll(body: &mut ReplayBody<OneFrame>, woken: &Arc<Woken>) -> Option<bool> {
    let waker = Waker::from(Arc::clone(woken));
    let mut cx = Context::from_waker(&waker);
    match Pin::new(body).poll_frame(&mut cx) {
        Poll::Ready(frame) => Some(frame.is_some_and(|frame| frame.is_ok())),
        Poll::Pending => None,
    }
}

#[test]
fn loom_a_reader_that_misses_a_frame_is_woken_for_it() {
    loom::model(|| {
        let recorded = ReplayBody::record(Request::new(OneFrame(true)), 9).into_body();
        let readers = [recorded.clone(), recorded].map(|mut body| {
            loom::thread::spawn(move || {
                let woken = Arc::new(Woken::default());
                let had = poll(&mut body, &woken);
                (body, woken, had)
            })
        });
        for reader in readers.map(|reader| reader.join().unwrap()) {
            let (mut body, woken, mut had) = reader;
            if had.is_none() {
                assert!(woken.0.load(Ordering::SeqCst));
                had = poll(&mut body, &woken);
            }
            assert_eq!(had, Some(true));
        }
    });
}

#[test]
fn loom_a_frame_past_the_cap_is_had_by_exactly_one() {
    loom::model(|| {
        let recorded = ReplayBody::record(Request::new(OneFrame(true)), 0).into_body();
        let (mut newer, mut older) = (recorded.clone(), recorded);
        let older = loom::thread::spawn(move || {
            let woken = Arc::new(Woken::default());
            let had = poll(&mut older, &woken);
            (older, woken, had)
        });
        let newer_woken = Arc::new(Woken::default());
        let newer_had = poll(&mut newer, &newer_woken);
        let (older, older_woken, older_had) = older.join().unwrap();
        let readers = [
            (newer, newer_woken, newer_had),
            (older, older_woken, older_had),
        ];
        let had = readers.map(|(mut body, woken, had)| {
            had.or_else(|| {
                assert!(woken.0.load(Ordering::SeqCst));
                poll(&mut body, &woken)
            })
        });
        assert!(
            matches!(had, [Some(true), Some(false)] | [Some(false), Some(true)]),
            "{had:?}"
        );
    });
}

#[test]
fn loom_two_readers_that_have_news_at_once_wake_each_other() {
    loom::model(|| {
        let waiters = Arc::new(Waiters::default());
        let woken = [0, 1].map(|reader| {
            let woken = Arc::new(Woken::default());
            waiters.register(reader, &Waker::from(Arc::clone(&woken)));
            woken
        });
        let theirs = Arc::clone(&waiters);
        let other = loom::thread::spawn(move || theirs.wake_others(1));
        waiters.wake_others(0);
        other.join().unwrap();
        assert!(woken.iter().all(|woken| woken.0.load(Ordering::SeqCst)));
    });
}
