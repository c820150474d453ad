//! A live body that does what the test says, and readers that are polled by hand.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body, Frame};
use mainstay::http::{BodyLost, ReplayBody, SafeMethods};
use mainstay::retry::Replay;
use tower::BoxError;

/// What a live body gives when its turn comes.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Data(Vec<u8>),
    Trailers(HeaderMap),
    Error,
    Panic,
}

/// A body that gives its items when the test releases them, and forgets its waker with every item.
#[derive(Clone, Default)]
pub(crate) struct Source(pub(crate) Arc<Mutex<Script>>);

#[derive(Default)]
pub(crate) struct Script {
    pub(crate) items: Vec<Item>,
    pub(crate) given: usize,
    pub(crate) released: usize,
    pub(crate) waker: Option<Waker>,
    pub(crate) polling: bool,
}

type Meanwhile = Box<dyn FnOnce()>;

thread_local! {
    /// Runs while the live body is polled, as another thread might.
    static MEANWHILE: RefCell<Option<Meanwhile>> = const { RefCell::new(None) };
}

impl Source {
    pub(crate) fn of(items: Vec<Item>) -> Self {
        let source = Self::default();
        source.0.lock().unwrap().items = items;
        source
    }

    pub(crate) fn release(&self) {
        let waker = {
            let mut script = self.0.lock().unwrap();
            script.released += 1;
            script.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Handed to the recording; what the test keeps is a `Source`.
pub(crate) struct Live(Source);

impl Body for Live {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let source = &self.0.0;
        assert!(!std::mem::replace(
            &mut source.lock().unwrap().polling,
            true
        ));
        let meanwhile = MEANWHILE.take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        let mut script = source.lock().unwrap();
        script.polling = false;
        if script.given >= script.released {
            script.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        script.waker = None;
        let item = script.items.get(script.given).cloned();
        script.given += 1;
        drop(script);
        Poll::Ready(match item {
            None => None,
            Some(Item::Data(data)) => Some(Ok(Frame::data(data.into()))),
            Some(Item::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Some(Item::Error) => Some(Err("broken".into())),
            Some(Item::Panic) => panic!("the live body panicked"),
        })
    }
}

/// One reader, its waker, and what it has read.
pub(crate) struct Reader {
    pub(crate) request: Request<ReplayBody<Live>>,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) seen: usize,
    pub(crate) read: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) state: State,
    /// Whether the last poll was pending.
    pub(crate) waiting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    Unread,
    Reading,
    Ended,
    Failed,
    Lost,
}

#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Reader {
    pub(crate) fn new(request: Request<ReplayBody<Live>>) -> Self {
        Self {
            request,
            wakes: Arc::default(),
            seen: 0,
            read: Vec::new(),
            trailers: None,
            state: State::Unread,
            waiting: false,
        }
    }

    pub(crate) fn first(source: &Source, cap: usize) -> Self {
        Self::new(ReplayBody::record(Request::new(Live(source.clone())), cap))
    }

    pub(crate) fn copy(&self) -> Option<Self> {
        let copy = SafeMethods::default().copy(&self.request);
        copy.map(Self::new)
    }

    pub(crate) fn is_intact(&self) -> bool {
        SafeMethods::default().is_intact(&self.request)
    }

    pub(crate) fn is_done(&self) -> bool {
        !matches!(self.state, State::Unread | State::Reading)
    }

    /// Alive while anyone could still wake it.
    pub(crate) fn waker(&self) -> Weak<Wakes> {
        Arc::downgrade(&self.wakes)
    }

    pub(crate) fn was_woken(&mut self) -> bool {
        let wakes = self.wakes.0.load(Ordering::SeqCst);
        std::mem::replace(&mut self.seen, wakes) != wakes
    }

    /// Polls once; whether it was ready.
    pub(crate) fn poll(&mut self) -> bool {
        self.seen = self.wakes.0.load(Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.wakes));
        let mut cx = Context::from_waker(&waker);
        if self.state == State::Unread {
            self.state = State::Reading;
        }
        let Poll::Ready(frame) = Pin::new(self.request.body_mut()).poll_frame(&mut cx) else {
            self.waiting = true;
            return false;
        };
        self.waiting = false;
        match frame {
            None => self.state = State::Ended,
            Some(Err(error)) if error.is::<BodyLost>() => self.state = State::Lost,
            Some(Err(_)) => self.state = State::Failed,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.read.extend_from_slice(&data),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            },
        }
        true
    }
}

/// Polls `first`, and `second` while the live body is being polled, or after, when it was not.
///
/// Gives back whether they were ready, or the panic of the first.
pub(crate) fn poll_in_the_middle(
    first: &mut Reader,
    second: Reader,
) -> (std::thread::Result<bool>, bool, Reader) {
    let slot = Arc::new(Mutex::new(None));
    let back = Arc::clone(&slot);
    let meanwhile = move || {
        let mut second = second;
        let ready = second.poll();
        *back.lock().unwrap() = Some((ready, second));
    };
    MEANWHILE.set(Some(Box::new(meanwhile)));
    let polled = catch_unwind(AssertUnwindSafe(|| first.poll()));
    if let Some(late) = MEANWHILE.take() {
        late();
    }
    let (ready, second) = slot.lock().unwrap().take().unwrap();
    (polled, ready, second)
}
