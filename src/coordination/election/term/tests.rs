use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::Mutex;
use std::task::{Context, Poll, Wake};

use futures::FutureExt as _;
use tokio::time::{Instant, advance, sleep};

use super::*;
use crate::coordination::election::{LeaseGuard, Resigned};
use crate::coordination::{ManualClock, Moment, Timing, TimingConfig, TokioClock};

const MS: Duration = Duration::from_millis(1);
/// tokio's timers have a grain of one millisecond.
const GRAIN: Duration = MS;

fn grant(usable: Duration) -> Grant {
    Grant {
        token: FencingToken::FIRST,
        usable_until: Moment::from_origin(usable),
        ends: Moment::from_origin(usable + 200 * MS),
    }
}

fn term(usable: Duration) -> Term {
    Term::new(Arc::new(TokioClock::new()), &grant(usable))
}

fn by(clock: &ManualClock, usable: Duration) -> Term {
    Term::new(Arc::new(clock.clone()), &grant(usable))
}

#[derive(Default)]
struct Wakes(Mutex<u32>);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        *self.0.lock().unwrap() += 1;
    }
}

struct OnDrop(Rc<Cell<bool>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[tokio::test(start_paused = true)]
async fn what_runs_under_it_is_dropped_at_the_soft_deadline() {
    let (term, start) = (term(1800 * MS), Instant::now());
    let dropped = Rc::new(Cell::new(false));
    let bomb = OnDrop(Rc::clone(&dropped));
    let lost = term
        .run(async move {
            let _bomb = bomb;
            pending::<()>().await;
        })
        .await
        .unwrap_err();
    assert!(dropped.get(), "before the answer");
    assert_eq!(lost.token(), term.token());
    assert!((1800 * MS..=1800 * MS + GRAIN).contains(&start.elapsed()));
    assert!(!term.is_valid());
    assert_eq!(term.remaining(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_puts_off_the_end_of_what_waits_already() {
    let (term, start) = (term(1000 * MS), Instant::now());
    let renewing = async {
        sleep(900 * MS).await;
        assert!(term.renew(&grant(1900 * MS)));
        sleep(900 * MS).await;
        assert!(term.renew(&grant(2500 * MS)));
    };
    let ends = async {
        term.lost().await;
        start.elapsed()
    };
    let work = async {
        assert!(term.run(pending::<()>()).await.is_err());
        start.elapsed()
    };
    let ((), lost, work) = tokio::join!(renewing, ends, work);
    for end in [lost, work] {
        assert!((2500 * MS..=2500 * MS + GRAIN).contains(&end), "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn given_up_it_is_over_at_once_and_wakes_who_waits() {
    let (term, start) = (term(1000 * MS), Instant::now());
    let giving_up = async {
        sleep(100 * MS).await;
        assert!(term.give_up());
        assert!(!term.is_valid());
        assert!(!term.give_up());
    };
    let work = term.run(pending::<()>());
    let (work, (), ()) = tokio::join!(work, term.lost(), giving_up);
    assert!(work.is_err());
    assert!(start.elapsed() <= 100 * MS + GRAIN);
    assert!(!term.renew(&grant(9000 * MS)));
    let polled = Cell::new(false);
    let late = term.run(async { polled.set(true) });
    assert!(late.now_or_never().unwrap().is_err());
    assert!(!polled.get());
    assert!(term.lost().now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_leaps_ends_it_before_the_next_poll_whatever_the_timer_says() {
    let clock = ManualClock::default();
    let term = by(&clock, 1000 * MS);
    let polls = Cell::new(0);
    let mut work = Box::pin(term.run(std::future::poll_fn(|_| {
        polls.set(polls.get() + 1);
        Poll::<()>::Pending
    })));
    assert!(work.as_mut().now_or_never().is_none());
    clock.advance(999 * MS);
    assert!(work.as_mut().now_or_never().is_none());
    clock.advance(MS);
    assert!(work.as_mut().now_or_never().unwrap().is_err());
    assert_eq!(polls.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_slower_than_the_timer_ends_nothing_early_and_nobody_spins() {
    let clock = ManualClock::default();
    let term = by(&clock, 1000 * MS);
    let mut lost = Box::pin(term.lost());
    let count = Arc::new(Wakes::default());
    let waker = Arc::clone(&count).into();
    let mut cx = Context::from_waker(&waker);
    for polls in 1..=10 {
        assert!(lost.as_mut().poll(&mut cx).is_pending());
        advance(1001 * MS).await;
        assert_eq!(*count.0.lock().unwrap(), polls);
    }
    clock.advance(1000 * MS);
    assert!(lost.as_mut().poll(&mut cx).is_ready());
}

#[tokio::test(start_paused = true)]
async fn an_output_that_is_there_is_given_out_and_what_ended_is_no_work() {
    let term = term(1000 * MS);
    assert_eq!(term.run(async { 7 }).await, Ok(7));
    assert!(term.joined().now_or_never().is_some());
    let kept = term.run(pending::<()>());
    assert!(term.joined().now_or_never().is_none());
    let (work, ()) = tokio::join!(term.run(sleep(10 * MS)), async {
        drop(kept);
        term.joined().await;
    });
    assert!(work.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_panic_under_it_ends_that_work_only() {
    let term = term(1000 * MS);
    let work = term.run(async { panic!("on purpose") });
    assert!(tokio::spawn(work).await.unwrap_err().is_panic());
    assert!(term.is_valid());
    assert!(term.joined().now_or_never().is_some());
}

/// At one of its readings the term is renewed by another thread.
#[derive(Debug, Default)]
struct Raced {
    base: ManualClock,
    term: Mutex<Option<Term>>,
    readings: Mutex<usize>,
    was_renewed: Mutex<bool>,
}

impl Clock for Raced {
    fn now(&self) -> Moment {
        let mut readings = self.readings.lock().unwrap();
        *readings = readings.wrapping_sub(1);
        let is_now = *readings == 0;
        drop(readings);
        let term = self.term.lock().unwrap().take_if(|_| is_now);
        if let Some(term) = term {
            *self.was_renewed.lock().unwrap() = term.renew(&grant(2000 * MS));
        }
        self.base.now()
    }
}

#[tokio::test(start_paused = true)]
async fn who_resigns_beside_a_renewal_is_not_told_that_an_earlier_end_is_the_end() {
    for reading in 1..=3 {
        let clock = Arc::new(Raced::default());
        *clock.readings.lock().unwrap() = reading;
        let term = Term::new(Arc::<Raced>::clone(&clock), &grant(1000 * MS));
        *clock.term.lock().unwrap() = Some(term.clone());
        let timing = Timing::new(TimingConfig::default()).unwrap();
        let (_release, released) = tokio::sync::oneshot::channel();
        let guard = LeaseGuard::new(term, Arc::default(), &timing, released);
        let resigning = guard.resign(Duration::MAX);
        clock.base.advance(1200 * MS);
        let told = resigning.now_or_never();
        let was_renewed = *clock.was_renewed.lock().unwrap();
        assert_eq!(
            told == Some(Resigned::Free),
            !was_renewed,
            "{reading}: {told:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_gone_and_no_work_though_its_future_is_kept() {
    let term = term(1000 * MS);
    let dropped = Rc::new(Cell::new(false));
    let bomb = OnDrop(Rc::clone(&dropped));
    let mut work = Box::pin(term.run(async move {
        let _bomb = bomb;
        pending::<()>().await;
    }));
    assert!(work.as_mut().now_or_never().is_none());
    assert!(term.give_up());
    assert!(term.joined().now_or_never().is_none());
    assert!(work.as_mut().now_or_never().unwrap().is_err());
    assert!(dropped.get());
    assert!(term.joined().now_or_never().is_some());
    drop(work);
    assert!(term.joined().now_or_never().is_some());
}
