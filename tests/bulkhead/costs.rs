//! What a call that waits costs.

use std::future::{Future as _, Ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use mainstay::Deadline;
use mainstay::bulkhead::BulkheadLayer;
use tokio::time::Instant;
use tower::{BoxError, Layer as _, Service};

use crate::room::{SECOND, config};

/// Never ready.
#[derive(Clone)]
struct Unready;

impl Service<()> for Unready {
    type Response = ();
    type Error = BoxError;
    type Future = Ready<Result<(), BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Pending
    }

    fn call(&mut self, _request: ()) -> Self::Future {
        unreachable!("it is never ready")
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_has_no_end_makes_no_timer_and_one_that_has_makes_one() {
    let layer = BulkheadLayer::new("costs", config(1, 0)).unwrap();
    let mut service = layer.layer(Unready);
    let mut wait = || {
        let measured = allocation_counter::measure(|| {
            let mut call = pin!(service.call(()));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(call.as_mut().poll(&mut cx).is_pending());
            assert!(call.as_mut().poll(&mut cx).is_pending());
        });
        measured.count_total
    };
    assert_eq!(wait(), 0);
    let deadline = Deadline::at(Instant::now() + SECOND);
    assert_eq!(deadline.scope(async { wait() }).await, 1);
}
