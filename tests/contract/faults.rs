//! Layers with one fault each, to see that the clauses find them.

use std::future::poll_fn;
use std::mem::ManuallyDrop;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;
use mainstay::test_util::{Failed, Token};
use mainstay::{Error, Executed, Kind, Rejection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

use super::subject::{Answer, Stack};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    CallsAClone,
    LosesTheWaker,
    KeepsTheFirstWaker,
    WakesItself,
    ReplacesTheError,
    KeepsTheResponse,
    TakesAPermitWhenReady,
    LeaksWhenDropped,
    LeaksItsPermit,
    SwallowsAPanic,
    CountsTwice,
    LeavesTheGauge,
}

/// Every fault, and the clause that finds it.
pub(crate) const FAULTS: [(Fault, &str); 14] = [
    (Fault::CallsAClone, "fresh readiness"),
    (Fault::LosesTheWaker, "waker kept"),
    (Fault::KeepsTheFirstWaker, "waker kept"),
    (Fault::WakesItself, "waker kept"),
    (Fault::ReplacesTheError, "error untouched"),
    (Fault::KeepsTheResponse, "response untouched"),
    (Fault::TakesAPermitWhenReady, "clone holds nothing"),
    (Fault::LeaksWhenDropped, "drop frees all"),
    (Fault::LeaksItsPermit, "drop frees all"),
    (Fault::LeaksItsPermit, "unpolled frees all"),
    (Fault::LeaksItsPermit, "panic leaves no trace"),
    (Fault::SwallowsAPanic, "panic leaves no trace"),
    (Fault::CountsTwice, "counted once"),
    (Fault::LeavesTheGauge, "gauges return"),
];

/// A layer with one fault. It allocates in each call besides.
pub(crate) struct Faulty<S> {
    inner: S,
    fault: Fault,
    shared: Arc<Shared>,
    permit: Option<OwnedSemaphorePermit>,
}

struct Shared {
    permits: Arc<Semaphore>,
    kept: Mutex<Vec<Token>>,
    calls: metrics::Counter,
    running: metrics::Gauge,
}

impl<S> Faulty<S> {
    pub(crate) fn new(inner: S, fault: Fault) -> Self {
        let shared = Shared {
            permits: Arc::new(Semaphore::new(1)),
            kept: Mutex::default(),
            calls: metrics::counter!("mainstay_calls_total", "layer" => "faulty", "outcome" => "ok"),
            running: metrics::gauge!("mainstay_faulty_running"),
        };
        Self {
            inner,
            fault,
            shared: Arc::new(shared),
            permit: None,
        }
    }
}

impl<S: Clone> Clone for Faulty<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            fault: self.fault,
            shared: Arc::clone(&self.shared),
            permit: None,
        }
    }
}

impl<S: Stack> Service<Token> for Faulty<S> {
    type Response = Token;
    type Error = Error<Failed>;
    type Future = BoxFuture<'static, Answer>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if matches!(self.fault, Fault::TakesAPermitWhenReady) && self.permit.is_none() {
            match Arc::clone(&self.shared.permits).try_acquire_owned() {
                Ok(permit) => self.permit = Some(permit),
                Err(_) => return Poll::Pending,
            }
        }
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Token) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        let permit = self.permit.take();
        let inner = match self.fault {
            Fault::CallsAClone => self.inner.clone().call(request),
            Fault::LeaksItsPermit => {
                let free = shared.permits.try_acquire();
                free.expect("a permit was leaked").forget();
                self.inner.call(request)
            }
            Fault::LeavesTheGauge => {
                shared.running.increment(1.0);
                self.inner.call(request)
            }
            _ => self.inner.call(request),
        };
        run(self.fault, shared, permit, inner.boxed()).boxed()
    }
}

async fn run(
    fault: Fault,
    shared: Arc<Shared>,
    _permit: Option<OwnedSemaphorePermit>,
    mut inner: BoxFuture<'static, Answer>,
) -> Answer {
    let answer = match fault {
        Fault::LosesTheWaker => {
            poll_fn(|_| inner.poll_unpin(&mut Context::from_waker(Waker::noop()))).await
        }
        Fault::KeepsTheFirstWaker => {
            let mut first = None;
            poll_fn(|cx| {
                let first: &Waker = first.get_or_insert_with(|| cx.waker().clone());
                inner.poll_unpin(&mut Context::from_waker(first))
            })
            .await
        }
        Fault::WakesItself => {
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                inner.poll_unpin(cx)
            })
            .await
        }
        Fault::LeaksWhenDropped => (&mut *ManuallyDrop::new(inner)).await,
        Fault::SwallowsAPanic => match AssertUnwindSafe(inner).catch_unwind().await {
            Ok(answer) => answer,
            Err(_) => Err(refusal()),
        },
        _ => inner.await,
    };
    finish(fault, &shared, answer)
}

fn finish(fault: Fault, shared: &Shared, answer: Answer) -> Answer {
    match fault {
        Fault::ReplacesTheError => return answer.map_err(|_| refusal()),
        Fault::KeepsTheResponse => shared.kept.lock().unwrap().extend(answer.clone()),
        Fault::LeaksItsPermit => shared.permits.add_permits(1),
        Fault::CountsTwice => shared.calls.increment(2),
        Fault::LeavesTheGauge => shared.running.decrement(1.0),
        _ => {}
    }
    answer
}

fn refusal() -> Error<Failed> {
    Rejection::new(Kind::Timeout, Executed::Unknown, "faulty".into()).into()
}
