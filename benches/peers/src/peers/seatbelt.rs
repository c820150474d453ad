//! seatbelt's layers, as services of tower and as its own async functions, without metrics and logs.

use std::fmt::Debug;
use std::time::Duration;

use layered::{Execute, Service, Stack};
use seatbelt::breaker::Breaker;
use seatbelt::retry::{Backoff, Retry};
use seatbelt::timeout::Timeout;
use seatbelt::{RecoveryInfo, ResilienceContext};
use tick::Clock;
use tower::{BoxError, Layer};

use crate::subject::{Inner, Outcome, Request, Subject, Tally, Worker, now};

type Context<Q> = ResilienceContext<Q, Result<<Q as Request>::Answer, BoxError>>;

pub fn context<Q: Request>() -> Context<Q> {
    ResilienceContext::new(Clock::new_tokio())
}

fn recovery<T, E>(result: &Result<T, E>) -> RecoveryInfo {
    match result {
        Ok(_) => RecoveryInfo::never(),
        Err(_) => RecoveryInfo::retry(),
    }
}

/// A layer of either kind.
macro_rules! timeout {
    ($context:expr, $limit:expr) => {
        Timeout::layer("timeout", $context)
            .timeout($limit)
            .timeout_error(|_| BoxError::from("timed out"))
    };
}

macro_rules! retry {
    ($context:expr) => {
        Retry::layer("retry", $context)
            .clone_input()
            .recovery_with(|result, _| recovery(result))
            .max_retry_attempts(2)
            .base_delay(Duration::from_millis(10))
            .backoff(Backoff::Exponential)
            .use_jitter(true)
    };
}

macro_rules! breaker {
    ($context:expr) => {
        Breaker::layer("breaker", $context)
            .recovery_with(|result, _| recovery(result))
            .rejected_input_error(|_, _| BoxError::from(Rejected))
            .failure_threshold(0.5)
            .min_throughput(100)
            .sampling_duration(Duration::from_secs(10))
            .break_duration(Duration::from_secs(3600))
    };
}

#[derive(Debug)]
struct Rejected;

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("rejected")
    }
}

impl std::error::Error for Rejected {}

pub fn timeout<Q: Request>(inner: impl Inner<Q>, limit: Duration) -> impl Inner<Q> {
    timeout!(&context(), limit).layer(inner)
}

pub fn retry<Q: Request>(inner: impl Inner<Q>) -> impl Inner<Q> {
    retry!(&context()).layer(inner)
}

pub fn breaker<Q: Request>(inner: impl Inner<Q>) -> impl Inner<Q> {
    breaker!(&context()).layer(inner)
}

/// Its retry calls a clone that it has not asked for readiness, so that a bulkhead below it panics; it
/// stands above in every stack here.
pub fn stack<Q: Request>(inner: impl Inner<Q>) -> impl Inner<Q> {
    let context = context();
    let timeout = timeout!(&context, Duration::from_secs(30)).layer(inner);
    let breaker = breaker!(&context).layer(timeout);
    super::tower::concurrency_limit(retry!(&context).layer(breaker), 1000)
}

/// Calls by its own trait.
fn layered<S>(outcome: Outcome, service: S) -> Subject
where
    S: Service<u64, Out = Result<u64, BoxError>> + Clone + 'static,
{
    let future = size_of_val(&service.execute(0));
    let worker = move || -> Worker {
        let service = service.clone();
        Box::new(move |calls| {
            let mut tally = Tally::default();
            for number in 0..calls {
                let service = std::hint::black_box(&service);
                let answer = now(service.execute(std::hint::black_box(number)));
                std::hint::black_box(&answer);
                tally.add(answer.map(|worth| worth.wrapping_sub(number)));
            }
            tally
        })
    };
    Subject {
        worker: Box::new(worker),
        future,
        outcome,
    }
}

pub mod native {
    use super::*;

    pub fn timeout() -> Subject {
        let layer = timeout!(&context::<u64>(), Duration::from_secs(30));
        let stack = (
            layer,
            Execute::new(|number: u64| std::future::ready(number.answer())),
        );
        layered(Outcome::Next, stack.into_service())
    }

    pub fn timeout_later() -> Subject {
        use tower::Service;
        let layer = timeout!(&context::<u64>(), Duration::from_secs(30));
        let later = |number: u64| crate::subject::AnswerLater.call(number);
        layered(Outcome::Next, (layer, Execute::new(later)).into_service())
    }

    pub fn retry() -> Subject {
        let layer = retry!(&context::<u64>());
        let stack = (
            layer,
            Execute::new(|number: u64| std::future::ready(number.answer())),
        );
        layered(Outcome::Next, stack.into_service())
    }

    pub fn breaker() -> Subject {
        let layer = breaker!(&context::<u64>());
        let stack = (
            layer,
            Execute::new(|number: u64| std::future::ready(number.answer())),
        );
        layered(Outcome::Next, stack.into_service())
    }
}
