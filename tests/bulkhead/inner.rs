//! What the bulkhead asks of its inner service, and when.

use std::future::{Future, Ready, pending, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use mainstay::bulkhead::{Bulkhead, BulkheadConfig, BulkheadHandle, BulkheadLayer};
use mainstay::{Deadline, Executed, Kind, StackError};
use tokio::sync::Semaphore;
use tokio::time::{Instant, advance};
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use crate::room::{SECOND, config};

fn over<S>(config: BulkheadConfig, inner: S) -> (Bulkhead<S>, BulkheadHandle) {
    let layer = BulkheadLayer::new("inner", config).unwrap();
    (layer.layer(inner), layer.handle())
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Waits for ever on `true` and answers at once on `false`.
async fn serve(wait: bool) -> Result<bool, BoxError> {
    if wait {
        pending::<()>().await;
    }
    Ok(wait)
}

#[tokio::test(start_paused = true)]
async fn neither_an_idle_clone_nor_a_waiter_holds_anything_of_the_inner_service() {
    let permits = Arc::new(Semaphore::new(2));
    let limited = ConcurrencyLimit::with_semaphore(service_fn(serve), Arc::clone(&permits));
    let (service, handle) = over(config(1, 2), limited);

    let mut idle: Vec<_> = (0..20).map(|_| service.clone()).collect();
    for clone in &mut idle {
        clone.ready().await.unwrap();
    }
    assert_eq!((permits.available_permits(), handle.in_flight()), (2, 0));

    let mut running = pin!(service.clone().oneshot(true));
    let mut waiting = [true, false].map(|wait| Box::pin(service.clone().oneshot(wait)));
    assert!(poll(running.as_mut()).is_pending());
    for waits in &mut waiting {
        assert!(poll(waits.as_mut()).is_pending());
    }
    assert_eq!((handle.in_flight(), handle.waiting()), (1, 2));
    assert_eq!(permits.available_permits(), 1, "only what runs");
}

/// With `LoadShed` over `ConcurrencyLimit` in its place, the second clone is left in the semaphore's
/// queue, takes the permit once it is free, and never uses it.
#[tokio::test(start_paused = true)]
async fn a_clone_that_was_refused_and_is_idle_takes_no_permit_from_the_others() {
    let (service, _) = over(config(1, 0), service_fn(serve));
    let mut running = Box::pin(service.clone().oneshot(true));
    assert!(poll(running.as_mut()).is_pending());
    let mut idle = service.clone();
    let shed = idle.ready().await.unwrap().call(false).await.unwrap_err();
    assert_eq!(shed.rejection().unwrap().kind(), Kind::BulkheadFull);
    idle.ready().await.unwrap();
    drop(running);
    for _ in 0..20 {
        service.clone().oneshot(false).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_clone_takes_no_place_in_a_buffer() {
    let mut buffer = Buffer::new(service_fn(serve), 1);
    let (service, _) = over(config(3, 0), buffer.clone());
    let mut idle = [service.clone(), service.clone(), service.clone()];
    for clone in &mut idle {
        clone.ready().await.unwrap();
    }
    buffer.ready().await.unwrap();
    // The one place is taken now; a call waits for it with its permit.
    let mut waits = pin!(service.clone().oneshot(false));
    assert!(poll(waits.as_mut()).is_pending());
    drop(buffer);
    assert!(!waits.await.unwrap());
    for mut clone in idle {
        assert!(!clone.call(false).await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_the_inner_service_is_in_flight_and_gives_up_its_place_when_dropped()
{
    let permits = Arc::new(Semaphore::new(1));
    let limited = ConcurrencyLimit::with_semaphore(service_fn(serve), Arc::clone(&permits));
    let (mut service, handle) = over(config(3, 0), limited);
    let running = service.call(true);
    let mut dropped = Box::pin(service.call(false));
    let mut stays = Box::pin(service.call(false));
    assert!(poll(dropped.as_mut()).is_pending() && poll(stays.as_mut()).is_pending());
    assert_eq!((handle.in_flight(), handle.waiting()), (3, 0));
    drop(dropped);
    drop(running);
    assert!(!stays.await.unwrap());
    assert_eq!((handle.in_flight(), permits.available_permits()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn only_the_deadline_ends_a_wait_for_the_inner_service() {
    let limited = ConcurrencyLimit::with_semaphore(service_fn(serve), Arc::new(Semaphore::new(0)));
    let (service, handle) = over(config(1, 1).wait_max(2 * SECOND), limited);
    let start = Instant::now();
    let call = |seconds| {
        let call = Deadline::at(start + seconds * SECOND).scope(service.clone().oneshot(false));
        async move { (call.await.unwrap_err(), start.elapsed().as_secs()) }
    };
    // The first has its permit from the start, the second once the first has gone.
    let ends = tokio::join!(call(1), call(3));
    for ((error, after), expected) in [(ends.0, 1), (ends.1, 3)] {
        let refused = error.rejection().unwrap();
        assert_eq!(refused.kind(), Kind::DeadlineExceeded);
        assert_eq!(refused.executed(), Executed::No);
        assert_eq!(after, expected);
    }
    assert_eq!((handle.in_flight(), handle.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_inner_service_that_becomes_ready_after_the_deadline_is_not_called() {
    let permits = Arc::new(Semaphore::new(0));
    let limited = ConcurrencyLimit::with_semaphore(service_fn(serve), Arc::clone(&permits));
    let (service, handle) = over(config(1, 0), limited);
    let deadline = Deadline::within(SECOND);
    let mut waits = Box::pin(deadline.scope(service.oneshot(false)));
    assert!(poll(waits.as_mut()).is_pending());
    advance(SECOND).await;
    permits.add_permits(1);
    let Poll::Ready(Err(error)) = poll(waits.as_mut()) else {
        panic!("nobody waits for the answer");
    };
    assert_eq!(error.rejection().unwrap().kind(), Kind::DeadlineExceeded);
    assert_eq!(permits.available_permits(), 1);
    assert_eq!(handle.in_flight(), 0);
}

/// What one instance of [`Strict`] has come to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Instance {
    Fresh,
    Asked,
    Ready,
    Failed,
}

/// Is ready when it is asked for the second time, fails when it is told to, and holds its caller to
/// the contract: an instance is ready when it is called, and one that failed is asked no more.
pub(crate) struct Strict {
    instance: Instance,
    pub(crate) failures: Arc<AtomicU32>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            instance: Instance::Fresh,
            failures: Arc::clone(&self.failures),
        }
    }
}

impl Service<()> for Strict {
    type Response = ();
    type Error = BoxError;
    type Future = Ready<Result<(), BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        assert_ne!(self.instance, Instance::Failed, "asked after it failed");
        let left = |left: u32| left.checked_sub(1);
        if self
            .failures
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
            .is_ok()
        {
            self.instance = Instance::Failed;
            return Poll::Ready(Err("down".into()));
        }
        if self.instance == Instance::Fresh {
            self.instance = Instance::Asked;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.instance = Instance::Ready;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        assert_eq!(self.instance, Instance::Ready, "called unready");
        self.instance = Instance::Fresh;
        ready(Ok(()))
    }
}

pub(crate) fn strict(failures: u32) -> Strict {
    Strict {
        instance: Instance::Fresh,
        failures: Arc::new(AtomicU32::new(failures)),
    }
}

#[tokio::test(start_paused = true)]
async fn the_instance_that_was_made_ready_is_called_and_none_that_failed_is_asked_again() {
    let (mut service, handle) = over(config(1, 1), strict(2));
    for _ in 0..2 {
        let error = service.ready().await.unwrap().call(()).await.unwrap_err();
        assert_eq!(error.to_string(), "down", "untouched");
        assert_eq!(handle.in_flight(), 0);
    }
    let (mut first, mut second) = (Box::pin(service.call(())), Box::pin(service.call(())));
    assert!(poll(second.as_mut()).is_pending(), "waits for a permit");
    assert!(matches!(poll(first.as_mut()), Poll::Ready(Ok(()))));
    assert!(poll(second.as_mut()).is_pending(), "waits for the service");
    assert!(matches!(poll(second.as_mut()), Poll::Ready(Ok(()))));
}

#[tokio::test(start_paused = true)]
async fn a_failure_to_become_ready_after_a_wait_frees_the_permit() {
    let inner = strict(0);
    let failures = Arc::clone(&inner.failures);
    let (mut service, handle) = over(config(1, 1), inner);
    let first = service.call(());
    let mut second = Box::pin(service.call(()));
    assert!(poll(second.as_mut()).is_pending());
    drop(first);
    failures.store(1, Ordering::Relaxed);
    assert_eq!(second.as_mut().await.unwrap_err().to_string(), "down");
    assert_eq!((handle.in_flight(), handle.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_inner_service_wakes_the_task_that_waits_for_it() {
    let permits = Arc::new(Semaphore::new(0));
    let limited = ConcurrencyLimit::with_semaphore(service_fn(serve), Arc::clone(&permits));
    let (mut service, _) = over(config(1, 1), limited);
    let [admitted, queued] = [service.call(false), service.call(false)].map(tokio::spawn);
    tokio::task::yield_now().await;
    permits.add_permits(1);
    admitted.await.unwrap().unwrap();
    queued.await.unwrap().unwrap();
}

/// Is never ready, and says when an instance that was asked is gone.
struct Never {
    asked: bool,
    gone: Arc<AtomicBool>,
}

impl Clone for Never {
    fn clone(&self) -> Self {
        let gone = Arc::clone(&self.gone);
        Self { asked: false, gone }
    }
}

impl Drop for Never {
    fn drop(&mut self) {
        self.gone.fetch_or(self.asked, Ordering::Relaxed);
    }
}

impl Service<()> for Never {
    type Response = ();
    type Error = BoxError;
    type Future = Ready<Result<(), BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.asked = true;
        Poll::Pending
    }

    fn call(&mut self, (): ()) -> Self::Future {
        unreachable!("it is never ready")
    }
}

/// Notes, when it is rung, whether the instance is gone.
struct Bell {
    gone: Arc<AtomicBool>,
    rung_after: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let gone = self.gone.load(Ordering::Relaxed);
        self.rung_after.store(gone, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_call_reserved_below_is_free_before_its_permit_goes_on() {
    let gone = Arc::new(AtomicBool::new(false));
    let inner = Never {
        asked: false,
        gone: Arc::clone(&gone),
    };
    let (mut service, _) = over(config(1, 1), inner);
    let (first, mut second) = (service.call(()), Box::pin(service.call(())));
    let rung_after = AtomicBool::new(false);
    let bell = Arc::new(Bell { gone, rung_after });
    let waker = Waker::from(Arc::clone(&bell));
    let mut cx = Context::from_waker(&waker);
    assert!(second.as_mut().poll(&mut cx).is_pending());
    drop(first);
    assert!(bell.rung_after.load(Ordering::Relaxed));
}

/// A service whose futures are of a given size.
#[derive(Clone)]
struct Large<const SIZE: usize>;

impl<const SIZE: usize> Service<()> for Large<SIZE> {
    type Response = [u8; SIZE];
    type Error = BoxError;
    type Future = Ready<Result<[u8; SIZE], BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(Ok([0; SIZE]))
    }
}

#[test]
fn the_future_is_as_large_as_what_it_carries_and_little_more() {
    type Response<const N: usize> =
        mainstay::bulkhead::ResponseFuture<Large<N>, (), mainstay::bulkhead::UntilResponse>;
    assert!(
        size_of::<Response<8>>() <= 288,
        "{}",
        size_of::<Response<8>>()
    );
    assert!(
        size_of::<Response<4096>>() <= 4096 + 64,
        "{}",
        size_of::<Response<4096>>()
    );
}

#[tokio::test(start_paused = true)]
async fn the_deadline_reaches_below_the_queue_though_it_is_left_outside_of_its_scope() {
    let inner = service_fn(|wait: bool| {
        let deadline = Deadline::current();
        async move { serve(wait).await.map(|_| deadline) }
    });
    let (mut service, _) = over(config(1, 1), inner);
    for deadline in [Some(Deadline::within(SECOND)), None] {
        let mut running = Box::pin(service.call(true));
        assert!(poll(running.as_mut()).is_pending());
        #[expect(
            clippy::async_yields_async,
            reason = "it is polled outside of the scope"
        )]
        let call = async { service.call(false) };
        let mut queued = Box::pin(match deadline {
            Some(deadline) => deadline.scope(call).await,
            None => call.await,
        });
        assert!(poll(queued.as_mut()).is_pending());
        drop(running);
        assert_eq!(queued.await.unwrap(), deadline);
    }
}
