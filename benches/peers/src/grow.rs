//! What a call costs beside many others.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ::tower::{BoxError, Service};

use crate::cases::Cases;
use crate::ours::plain as mainstay;
use crate::peers::{stores, tower, tower_resilience};
use crate::subject::{Call, Outcome, Request, Subject, Tally, Worker, call, numbers};

const IN_FLIGHT: &[u64] = &[1, 100, 10_000];
const KEYS: &[u64] = &[1, 100, 10_000, 100_000];
const CALLS: &[u64] = &[100, 1000, 10_000, 100_000];
const SECONDS: &[u64] = &[1, 60, 3600];

pub fn add(cases: &mut Cases) {
    let row = "grow: calls in flight in a bulkhead";
    cases.add_at(row, "mainstay", IN_FLIGHT, |others| {
        beside(mainstay::grow::bulkhead(Hanging, 20_000), others - 1)
    });
    cases.add_at(row, "tower", IN_FLIGHT, |others| {
        beside(tower::concurrency_limit(Hanging, 20_000), others - 1)
    });
    cases.add_at(row, "tower-resilience", IN_FLIGHT, |others| {
        beside(tower_resilience::bulkhead(Hanging, 20_000), others - 1)
    });
    let row = "grow: calls in flight in a breaker of a time window";
    cases.add_at(row, "mainstay", IN_FLIGHT, |others| {
        let window = Duration::from_secs(10);
        beside(
            mainstay::layers::breaker_of_time(Hanging, window),
            others - 1,
        )
    });
    let row = "grow: calls in a breaker's window";
    cases.add_at(row, "mainstay", CALLS, |window| {
        let window = u32::try_from(window).expect("it fits");
        numbers(mainstay::layers::breaker_of_calls(
            crate::subject::Answer,
            window,
        ))
    });
    cases.add_at(row, "tower-resilience", CALLS, |window| {
        let window = usize::try_from(window).expect("it fits");
        numbers(tower_resilience::breaker_of_calls(
            crate::subject::Answer,
            window,
        ))
    });
    let row = "grow: seconds of a breaker's window";
    cases.add_at(row, "mainstay", SECONDS, |window| {
        let window = Duration::from_secs(window);
        numbers(mainstay::layers::breaker_of_time(
            crate::subject::Answer,
            window,
        ))
    });
    let row = "grow: others that wait for a permit; one more comes and goes";
    cases.add_at(row, "mainstay", IN_FLIGHT, |others| {
        given_up(mainstay::grow::bulkhead(Hanging, 1), others)
    });
    let row = "grow: others that wait for a permit; the first gets it, one more comes";
    cases.add_at(row, "mainstay", IN_FLIGHT, |others| {
        handed_on(mainstay::grow::bulkhead(Hanging, 1), others)
    });
    let row = "grow: executions in flight in the layer of keys";
    cases.add_at(row, "mainstay", IN_FLIGHT, |others| {
        executing(mainstay::keys::layer(Hanging, 40_000), others - 1)
    });
    let row = "grow: keys in the store, a repeat of one";
    cases.add_at(
        row,
        "mainstay",
        KEYS,
        stores::hit::<mainstay::keys::OurStore>,
    );
    cases.add_at(row, "moka", KEYS, stores::hit::<stores::Moka>);
    cases.add_at(row, "quick_cache", KEYS, stores::hit::<stores::Quick>);
    let row = "grow: keys in the store, a new one comes and goes";
    cases.add_at(
        row,
        "mainstay",
        KEYS,
        stores::miss::<mainstay::keys::OurStore>,
    );
    cases.add_at(row, "moka", KEYS, stores::miss::<stores::Moka>);
    cases.add_at(row, "quick_cache", KEYS, stores::miss::<stores::Quick>);
    let row = "grow: keys in the store that are claimed, a new one comes and goes";
    cases.add_at(
        row,
        "mainstay",
        IN_FLIGHT,
        stores::miss_beside_claims::<mainstay::keys::OurStore>,
    );
}

/// From here on requests are never answered.
pub const HANG: u64 = 1 << 60;

/// Answers what has a low number at once, and the others never.
#[derive(Clone, Debug)]
pub struct Hanging;

#[derive(Debug)]
pub struct Hung(u64);

impl Future for Hung {
    type Output = Result<u64, BoxError>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.0 >= HANG {
            return Poll::Pending;
        }
        Poll::Ready(self.0.answer())
    }
}

impl Service<u64> for Hanging {
    type Response = u64;
    type Error = BoxError;
    type Future = Hung;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Hung {
        Hung(request)
    }
}

/// A call that was begun, and has not ended.
pub fn begun<S: Call<u64>>(service: &mut S, request: u64) -> Pin<Box<S::Future>> {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    let mut future = Box::pin(service.call(request));
    assert!(future.as_mut().poll(&mut cx).is_pending());
    future
}

/// One call after the other, while so many others hang.
fn beside<S: Call<u64>>(service: S, others: u64) -> Subject {
    let mut begin = service.clone();
    let hung: Vec<_> = (0..others)
        .map(|other| begun(&mut begin, HANG + other))
        .collect();
    let mut subject = numbers(service);
    let mut worker = subject.worker;
    subject.worker = Box::new(move || {
        assert_eq!(hung.len() as u64, others);
        worker()
    });
    subject
}

fn repeated<S, W>(service: &S, mut step: W) -> Subject
where
    S: Call<u64>,
    W: FnMut() -> Result<u64, ()> + Send + 'static,
{
    fn size<S: Call<u64>>(_: &S) -> usize {
        size_of::<S::Future>()
    }
    let worker = move |calls: u64| {
        let mut tally = Tally::default();
        (0..calls).for_each(|_| tally.add(step()));
        tally
    };
    let mut once: Option<Worker> = Some(Box::new(worker));
    Subject {
        worker: Box::new(move || once.take().expect("one thread only")),
        future: size(service),
        outcome: Outcome::Each(1),
    }
}

/// The one permit is held, so many wait for it, and one more begins to and gives up.
fn given_up<S: Call<u64>>(service: S, others: u64) -> Subject {
    let mut begin = service.clone();
    let hung: Vec<_> = (0..=others)
        .map(|other| begun(&mut begin, HANG + other))
        .collect();
    repeated(&service, move || {
        drop(begun(&mut begin, 0));
        (hung.len() as u64 > others).then_some(1).ok_or(())
    })
}

/// So many wait; the first ends, which makes the next the first, and one more comes.
fn handed_on<S: Call<u64>>(service: S, others: u64) -> Subject {
    let mut begin = service.clone();
    let holder = begun(&mut begin, HANG);
    let mut waiting: VecDeque<_> = (0..others).map(|_| begun(&mut begin, 0)).collect();
    drop(holder);
    repeated(&service, move || {
        waiting.push_back(begun(&mut begin, 0));
        let mut first = waiting.pop_front().ok_or(())?;
        let mut cx = Context::from_waker(Waker::noop());
        match first.as_mut().poll(&mut cx) {
            Poll::Ready(answer) => answer.map_err(drop),
            Poll::Pending => Err(()),
        }
    })
}

/// One execution after the other, while so many others hang, each in a task.
fn executing<S: Call<u64>>(mut service: S, others: u64) -> Subject {
    let runtime = crate::measure::runtime();
    let mut hung: Vec<_> = (0..others)
        .map(|other| Box::pin(service.call(HANG + other)))
        .collect();
    runtime.block_on(async {
        for future in &mut hung {
            let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
        }
        // Lets the tasks begin.
        for _ in 0..others / 32 + 1 {
            tokio::task::yield_now().await;
        }
    });
    let future = size_of::<S::Future>();
    let mut next = 0;
    let worker = move |calls: u64| {
        assert_eq!(hung.len() as u64, others);
        let mut tally = Tally::default();
        runtime.block_on(async {
            for _ in 0..calls {
                next += 1;
                let worth = service.call(next).await.map(|worth| worth - next);
                tally.add(worth);
            }
        });
        tally
    };
    let mut once: Option<Worker> = Some(Box::new(worker));
    Subject {
        worker: Box::new(move || once.take().expect("one thread only")),
        future,
        outcome: Outcome::Next,
    }
}

/// A number that nobody has asked with before, for each call of each thread.
pub fn unique<S: Call<u64>>(service: S) -> Subject {
    let threads = Arc::new(AtomicU64::new(1));
    let mut next = 0;
    let mut service = service;
    crate::subject::work(Outcome::Each(1), size_of::<S::Future>(), move |_| {
        if next == 0 {
            next = threads.fetch_add(1, Relaxed) << 40;
        }
        next += 1;
        call(&mut service, next).map(|worth| worth - next)
    })
}
