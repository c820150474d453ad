//! A service that does as told and writes down what it sees.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use mainstay::retry::{Jitter, RetryConfig, RetryLayer};
use mainstay::{Attempt, Deadline, Error, Failure, Outcome};
use tokio::time::Instant;

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// What an attempt does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Gives a response that means this.
    Answer(Outcome),
    /// Fails with an error that means this.
    Fail(Failure),
    /// Answers later.
    Slow(Duration, Outcome),
    Hang,
    PanicInCall,
    PanicInPoll,
}

/// A response or an error: what it means, and a sign of life.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) meaning: Outcome,
    _life: Arc<()>,
}

/// A request that counts its copies.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) copies: Arc<Mutex<usize>>,
}

impl Clone for Request {
    fn clone(&self) -> Self {
        *self.copies.lock().unwrap() += 1;
        Self {
            copies: Arc::clone(&self.copies),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) at: Duration,
    pub(crate) attempt: Option<Attempt>,
    pub(crate) deadline: Option<Deadline>,
}

#[derive(Debug)]
pub(crate) struct State {
    start: Instant,
    steps: VecDeque<Step>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) clones: usize,
    life: Arc<()>,
}

/// Plays its steps, the last one for ever; fails loudly when called unready.
#[derive(Debug)]
pub(crate) struct Server {
    state: Arc<Mutex<State>>,
    ready: bool,
}

impl Clone for Server {
    fn clone(&self) -> Self {
        self.state().clones += 1;
        self.handle()
    }
}

impl Server {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let state = State {
            start: Instant::now(),
            steps: steps.into_iter().collect(),
            seen: Vec::new(),
            clones: 0,
            life: Arc::new(()),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            ready: false,
        }
    }

    pub(crate) fn failing() -> Self {
        Self::new([Step::Fail(Failure::transient())])
    }

    /// Another view of the same server, not counted as a clone.
    pub(crate) fn handle(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            ready: false,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn calls(&self) -> usize {
        self.state().seen.len()
    }

    pub(crate) fn call_times(&self) -> Vec<Duration> {
        self.state().seen.iter().map(|seen| seen.at).collect()
    }

    /// How many attempts, responses and errors are alive.
    pub(crate) fn alive(&self) -> usize {
        Arc::strong_count(&self.state().life) - 1
    }
}

impl tower::Service<Request> for Server {
    type Response = Said;
    type Error = Error<Said>;
    type Future = Running;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request) -> Running {
        assert!(std::mem::take(&mut self.ready), "called unready");
        let mut state = self.state();
        let at = state.start.elapsed();
        let attempt = Attempt::current();
        state.seen.push(Seen {
            at,
            attempt,
            deadline: Deadline::current(),
        });
        let step = match state.steps.len() {
            1 => state.steps[0],
            _ => state.steps.pop_front().expect("a step"),
        };
        let life = Arc::clone(&state.life);
        drop(state);
        assert!(!matches!(step, Step::PanicInCall), "as told");
        let sleep = match step {
            Step::Slow(wait, _) => Some(Box::pin(tokio::time::sleep(wait))),
            _ => None,
        };
        Running {
            step,
            attempt,
            sleep,
            life,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Running {
    step: Step,
    attempt: Option<Attempt>,
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    life: Arc<()>,
}

impl Future for Running {
    type Output = Result<Said, Error<Said>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert_eq!(Attempt::current(), self.attempt, "as in the call");
        if let Some(sleep) = &mut self.sleep {
            std::task::ready!(sleep.as_mut().poll(cx));
        }
        let said = |meaning| Said {
            meaning,
            _life: Arc::clone(&self.life),
        };
        Poll::Ready(match self.step {
            Step::Answer(meaning) | Step::Slow(_, meaning) => Ok(said(meaning)),
            Step::Fail(failure) => Err(Error::Inner(said(Outcome::Failure(failure)))),
            Step::Hang => return Poll::Pending,
            Step::PanicInPoll | Step::PanicInCall => panic!("as told"),
        })
    }
}

/// Everything said means what it says.
pub(crate) fn meaning(result: Result<&Said, &Error<Said>>) -> Outcome {
    match result {
        Ok(said) | Err(Error::Inner(said)) => said.meaning,
        Err(_) => Outcome::Ignored,
    }
}

pub(crate) type Meaning = fn(Result<&Said, &Error<Said>>) -> Outcome;

pub(crate) fn layer(config: RetryConfig) -> RetryLayer<Meaning> {
    RetryLayer::new("test", config)
        .unwrap()
        .classify(meaning as Meaning)
}

/// Without jitter: 50 ms, 100 ms, 200 ms.
pub(crate) fn exact() -> RetryConfig {
    RetryConfig::default().jitter(Jitter::None)
}

pub(crate) const OK: Step = Step::Answer(Outcome::Success);

pub(crate) fn fail() -> Step {
    Step::Fail(Failure::transient())
}

pub(crate) fn answer(failure: Failure) -> Step {
    Step::Answer(Outcome::Failure(failure))
}
