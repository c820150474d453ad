//! What the tests of this folder share: a service that answers on demand, behind a bulkhead.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mainstay::bulkhead::{
    Bulkhead, BulkheadConfig, BulkheadHandle, BulkheadLayer, Hold, Permit, UntilResponse,
};
use mainstay::{Deadline, Rejection, StackError};
use tokio::sync::oneshot;
use tower::{BoxError, Layer, Service};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Visitors with these numbers make the desk panic.
pub(crate) const PANICS_IN_CALL: u32 = u32::MAX;
pub(crate) const PANICS_IN_FUTURE: u32 = u32::MAX - 1;

pub(crate) type Answer = Result<u32, BoxError>;
pub(crate) type Response<T = u32> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// A service that answers when the test says so or never, and notes who started and who ended.
#[derive(Clone, Default)]
pub(crate) struct Desk {
    log: Arc<Mutex<Vec<(u32, &'static str)>>>,
}

pub(crate) struct Visit {
    id: u32,
    answer: oneshot::Receiver<Answer>,
}

pub(crate) struct Serving {
    visit: Visit,
    desk: Desk,
}

impl Desk {
    pub(crate) fn note(&self, id: u32, what: &'static str) {
        self.log.lock().unwrap().push((id, what));
    }

    pub(crate) fn started(&self) -> Vec<u32> {
        let log = self.log.lock().unwrap();
        let starts = log.iter().filter(|(_, what)| *what == "start");
        starts.map(|(id, _)| *id).collect()
    }

    pub(crate) fn log(&self) -> Vec<(u32, &'static str)> {
        self.log.lock().unwrap().clone()
    }
}

impl Service<Visit> for Desk {
    type Response = u32;
    type Error = BoxError;
    type Future = Serving;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, visit: Visit) -> Serving {
        if visit.id == PANICS_IN_CALL {
            resume_unwind(Box::new("in the inner `call`"));
        }
        self.note(visit.id, "start");
        let desk = self.clone();
        Serving { visit, desk }
    }
}

impl Future for Serving {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        if self.visit.id == PANICS_IN_FUTURE {
            resume_unwind(Box::new("in the inner future"));
        }
        match Pin::new(&mut self.visit.answer).poll(cx) {
            Poll::Ready(Ok(answer)) => Poll::Ready(answer),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.desk.note(self.visit.id, "end");
    }
}

/// A desk behind a bulkhead.
pub(crate) struct Room<H = UntilResponse> {
    pub(crate) service: Bulkhead<Desk, H>,
    pub(crate) handle: BulkheadHandle,
    pub(crate) desk: Desk,
    next: u32,
}

impl Room {
    pub(crate) fn new(config: BulkheadConfig) -> Self {
        Self::over(BulkheadLayer::new("desk", config).unwrap())
    }
}

impl<H> Room<H>
where
    H: Hold<u32> + Clone + Send + 'static,
{
    pub(crate) fn over(layer: BulkheadLayer<H>) -> Self {
        let desk = Desk::default();
        Self {
            service: layer.layer(desk.clone()),
            handle: layer.handle(),
            desk,
            next: 0,
        }
    }

    /// The next visitor, counted from 0. Gives what answers the call, and its response.
    pub(crate) fn call(&mut self) -> (oneshot::Sender<Answer>, Response<H::Response>) {
        let id = self.next;
        self.next += 1;
        self.call_as(id)
    }

    pub(crate) fn call_as(&mut self, id: u32) -> (oneshot::Sender<Answer>, Response<H::Response>) {
        let (sender, answer) = oneshot::channel();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(
            self.service.poll_ready(&mut cx),
            Poll::Ready(Ok(()))
        ));
        (sender, Box::pin(self.service.call(Visit { id, answer })))
    }

    /// The next visitor, under a deadline; never answered.
    pub(crate) async fn call_by(&mut self, deadline: Deadline) -> Response<H::Response> {
        deadline.scope(async { self.call() }).await.1
    }

    /// How many are in flight, and how many wait.
    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.handle.in_flight(), self.handle.waiting())
    }
}

/// Gives the caller the permit beside the response.
#[derive(Clone)]
pub(crate) struct Beside;

impl Hold<u32> for Beside {
    type Response = (u32, Permit);

    fn hold(&self, response: u32, permit: Permit) -> (u32, Permit) {
        (response, permit)
    }
}

pub(crate) fn poll<T>(response: &mut Response<T>) -> Poll<Result<T, BoxError>> {
    let mut cx = Context::from_waker(Waker::noop());
    response.as_mut().poll(&mut cx)
}

pub(crate) fn is_pending<T>(response: &mut Response<T>) -> bool {
    poll(response).is_pending()
}

pub(crate) fn refusal<T: fmt::Debug>(response: &mut Response<T>) -> Rejection {
    match poll(response) {
        Poll::Ready(Err(error)) => error.rejection().expect("a refusal").clone(),
        other => panic!("not refused but {other:?}"),
    }
}

pub(crate) fn config(concurrency: u32, queue: u32) -> BulkheadConfig {
    BulkheadConfig::default()
        .concurrency(concurrency)
        .queue(queue)
}
