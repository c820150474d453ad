//! Calls that wait until the inner service is ready.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use mainstay::Deadline;
use mainstay::coordination::{LeaderConfig, LeaderLayer, ManualClock, ManualSeat};
use mainstay::test_util::{Act, CountingWaker, Readiness, drop_at_every_poll};
use mainstay::{Error, error};
use tower::{Layer, Service, service_fn};

use super::MS;
use super::kit::{CUT_OFF, Note, REFUSED, bench, said, timing, token};

#[tokio::test(start_paused = true)]
async fn a_follower_does_not_ask_the_inner_service_whether_it_is_ready() {
    for readiness in [Readiness::Pending, Readiness::Fail, Readiness::Panic] {
        let bench = bench();
        bench.watch.readiness(readiness);
        let mut service = bench.service.clone();
        let polled = service.poll_ready(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Ok(()))), "{readiness:?}");
        let answer = service.call(bench.note()).now_or_never();
        assert_eq!(said(answer.expect("at once")), REFUSED);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_readiness_under_its_term_and_is_made_when_it_comes() {
    let bench = bench();
    bench.watch.readiness(Readiness::Pending);
    bench.seat.lead(token(4));
    let mut call = pin!(bench.call());
    let waker = CountingWaker::new();
    assert!(waker.poll_once(call.as_mut()).is_pending());
    assert_eq!(bench.watch.calls(), 0);
    bench.watch.readiness(Readiness::Ready);
    assert!(waker.wakes() > 0);
    call.now_or_never().expect("at once").unwrap();
    assert_eq!(bench.seen.lock().unwrap()[0].token, Some(token(4)));
    bench.assert_nothing_is_left();
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_term_ends_before_the_inner_service_is_ready_has_not_run() {
    for by_time in [true, false] {
        let bench = bench();
        bench.watch.readiness(Readiness::Pending);
        bench.seat.lead(token(1));
        let mut call = pin!(bench.call());
        assert!(futures::poll!(call.as_mut()).is_pending());
        if !by_time {
            bench.seat.follow(None);
        }
        assert_eq!(said(call.await), REFUSED);
        assert_eq!(bench.watch.calls(), 0);
        bench.assert_nothing_is_left();
    }
}

/// Both in one poll: made, pending, and over.
#[tokio::test(start_paused = true)]
async fn a_call_that_was_made_in_the_poll_in_which_the_term_ended_may_have_run() {
    let bench = bench();
    bench.watch.readiness(Readiness::Pending);
    bench.watch.otherwise(Act::hang());
    bench.seat.lead(token(1));
    let mut call = pin!(bench.call());
    assert!(futures::poll!(call.as_mut()).is_pending());
    bench.watch.readiness(Readiness::Ready);
    assert!(futures::poll!(call.as_mut()).is_pending());
    assert_eq!(bench.watch.calls(), 1);
    assert_eq!(said(call.await), CUT_OFF);

    let clock = ManualClock::default();
    let seat = ManualSeat::new(timing(), clock.clone());
    let layer = LeaderLayer::new("orders", seat.clone(), LeaderConfig::default()).unwrap();
    let late = LateReady { clock, asked: 0 };
    seat.lead(token(1));
    let call = layer.layer(late).call(Note::default());
    assert_eq!(said(call.now_or_never().expect("at once")), CUT_OFF);
}

/// Ready when it is asked again, hangs when it is called, and takes longer than the term for that.
#[derive(Clone)]
struct LateReady {
    clock: ManualClock,
    asked: u32,
}

impl Service<Note> for LateReady {
    type Response = ();
    type Error = Error<()>;
    type Future = std::future::Pending<Result<(), Error<()>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error<()>>> {
        self.asked += 1;
        if self.asked > 1 {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    fn call(&mut self, _: Note) -> Self::Future {
        self.clock.advance(900 * MS);
        std::future::pending()
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_task_says_holds_for_a_call_that_is_made_later() {
    let seat = ManualSeat::new(timing(), ManualClock::default());
    let layer = LeaderLayer::new("orders", seat.clone(), LeaderConfig::default()).unwrap();
    let (give, wait) = tokio::sync::watch::channel(false);
    let inner = service_fn(|_: Note| {
        let made_under = Deadline::current();
        async move { Ok::<_, ()>(made_under) }
    });
    let gated = Gated {
        inner: error::layer().layer(inner),
        is_open: wait,
    };
    seat.lead(token(1));
    let deadline = Deadline::within(800 * MS);
    let mut service = layer.layer(gated);
    let call = deadline
        .scope(std::future::poll_fn(|_| {
            Poll::Ready(service.call(Note::default()))
        }))
        .await;
    give.send(true).unwrap();
    assert_eq!(Deadline::current(), None);
    assert_eq!(call.await.unwrap(), Some(deadline));
}

#[derive(Clone)]
struct Gated<S> {
    inner: S,
    is_open: tokio::sync::watch::Receiver<bool>,
}

impl<S: Service<Note>> Service<Note> for Gated<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if !*self.is_open.borrow() {
            return Poll::Pending;
        }
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, note: Note) -> S::Future {
        self.inner.call(note)
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_poll_while_it_waits_a_call_leaves_nothing() {
    let bench = bench();
    let anew = || {
        bench.seat.lead(token(1));
        bench.watch.readiness(Readiness::Pending);
        let (call, watch) = (bench.call(), bench.watch.clone());
        let opens = async move {
            tokio::time::sleep(50 * MS).await;
            watch.readiness(Readiness::Ready);
        };
        async move { futures::join!(call, opens).0 }
    };
    let polls = drop_at_every_poll(anew, |cut| {
        let alive = bench.watch.alive();
        let left = (alive.requests(), alive.futures(), alive.readied());
        assert_eq!(left, (0, 0, 0), "{cut:?}");
    })
    .await;
    assert!(polls >= 2);
    assert_eq!(bench.watch.violations(), [""; 0]);
}
