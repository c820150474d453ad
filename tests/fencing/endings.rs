//! What a call holds, and that it is given back however the call ends.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use http::Request;
use mainstay::coordination::{FencingGate, Permit};
use mainstay::test_util::{Act, Cut, Readiness, Stepper, drop_at_every_poll};
use mainstay::{Error, error};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

use crate::kit::{Ordered, call, ledger, of_term, resource, saying, token};

const SOON: Duration = Duration::from_millis(10);

#[track_caller]
fn assert_empty(gate: &FencingGate, after: &str) {
    let snapshot = gate.snapshot();
    assert_eq!(
        (snapshot.in_flight(), snapshot.waiting()),
        (0, 0),
        "{after}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_at_any_poll_leaves_nothing_inside() {
    for act in [
        Act::answer(),
        Act::answer().after(SOON),
        Act::fail().after_polls(3),
    ] {
        let gate = FencingGate::in_memory(None);
        let (service, watch) = resource(ledger(&gate));
        let anew = || {
            watch.play([act]);
            call(&service, of_term(1))
        };
        drop_at_every_poll(anew, |cut: Cut| {
            assert_empty(&gate, &format!("{act:?} {cut:?}"));
            assert_eq!(watch.alive().requests(), 0, "{cut:?}");
            assert_eq!(watch.alive().futures(), 0, "{cut:?}");
        })
        .await;
    }
}

/// Each call is the first of a later term and finds one of the term before it inside, which leaves.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_waits_has_left() {
    let gate = FencingGate::in_memory(None);
    let (service, watch) = resource(ledger(&gate));
    watch.otherwise(Act::answer().after(SOON));
    let mut term = 0;
    let anew = || {
        term += 2;
        let old = gate.try_enter(token(term)).unwrap();
        let leaving = async move {
            tokio::time::sleep(SOON).await;
            drop(old);
        };
        let call = call(&service, of_term(term + 1));
        async move { futures::join!(call, leaving).0 }
    };
    let polls = drop_at_every_poll(anew, |cut: Cut| {
        assert_empty(&gate, &format!("{cut:?}"));
        assert_eq!(watch.alive().requests(), 0, "{cut:?}");
    })
    .await;
    assert!(polls >= 3, "it waited, and then it ran: {polls}");
}

#[tokio::test]
async fn calls_that_are_dropped_while_their_term_is_recorded_have_left_and_the_next_comes_in() {
    let (gate, orders) = Ordered::gate();
    let (service, watch) = resource(ledger(&gate));
    for _ in 0..20 {
        assert!(call(&service, of_term(3)).now_or_never().is_none());
    }
    assert_empty(&gate, "20 that gave up");
    orders.send(true).unwrap();
    assert!(call(&service, of_term(3)).await.is_ok());
    assert_eq!(watch.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_an_error_and_a_panic_give_the_permit_back() {
    let gate = FencingGate::in_memory(None);
    let (service, watch) = resource(ledger(&gate));
    for act in [
        Act::answer(),
        Act::fail(),
        Act::panic_in_call(),
        Act::panic().after(SOON),
    ] {
        // At once, and after a wait.
        for waits in [false, true] {
            let term = gate.snapshot().high().map_or(1, |high| high.number() + 1);
            watch.play([act]);
            let old = waits.then(|| gate.try_enter(token(term)).unwrap());
            let mut call =
                Box::pin(AssertUnwindSafe(call(&service, of_term(term + 1))).catch_unwind());
            assert!(!waits || call.as_mut().now_or_never().is_none());
            drop(old);
            drop(call.await);
            assert_empty(&gate, &format!("{act:?} {waits}"));
        }
    }
    assert_eq!(watch.violations(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_readiness_that_fails_or_never_comes_holds_nothing() {
    let gate = FencingGate::in_memory(None);
    let (service, watch) = resource(ledger(&gate));
    watch.readiness(Readiness::Pending);
    assert!(call(&service, of_term(2)).now_or_never().is_none());
    assert_eq!(gate.snapshot().high(), None);
    watch.readiness(Readiness::Fail);
    assert!(matches!(
        call(&service, of_term(2)).await,
        Err(Error::Inner(_))
    ));
    assert_empty(&gate, "a readiness that failed");
}

/// Its permit must be there while what the handler holds is given back, and gone when the answer is.
#[tokio::test]
async fn the_handlers_future_is_dropped_before_its_permit_and_both_before_the_answer_is_given() {
    struct Last(FencingGate);
    impl Drop for Last {
        fn drop(&mut self) {
            assert_eq!(self.0.snapshot().in_flight(), 1, "the permit went first");
        }
    }
    let gate = FencingGate::in_memory(None);
    let service = ServiceBuilder::new()
        .layer(ledger(&gate))
        .layer(error::layer())
        .service_fn({
            let gate = gate.clone();
            move |request: Request<()>| {
                let hangs = request.uri().path() == "/hang";
                drop(request);
                let last = Last(gate.clone());
                async move {
                    let _last = last;
                    tokio::task::yield_now().await;
                    if hangs {
                        pending::<()>().await;
                    }
                    Ok::<_, std::convert::Infallible>(())
                }
            }
        });
    for waits in [false, true] {
        let old = waits.then(|| gate.try_enter(token(1)).unwrap());
        let mut answered = service.clone();
        let answered = answered.ready().await.unwrap();
        let mut answered = Box::pin(answered.call(of_term(1 + u64::from(waits))));
        assert!(futures::poll!(&mut answered).is_pending());
        drop(old);
        answered.as_mut().await.unwrap();
        assert_empty(&gate, "the answer, before its future is dropped");
    }

    let mut hanging = of_term(2);
    *hanging.uri_mut() = "/hang".parse().unwrap();
    let mut hanging = Stepper::new(call(&service, hanging));
    assert!(hanging.step().is_pending());
    assert_eq!(gate.snapshot().in_flight(), 1);
    drop(hanging);
    assert_empty(&gate, "a handler that hung");
}

/// The effect of a handler whose caller has gone goes on; with the permit, the next term knows.
#[tokio::test]
async fn who_takes_the_permit_along_keeps_the_next_term_out_after_the_caller_has_gone() {
    let gate = FencingGate::in_memory(None);
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let finished = std::sync::Arc::new(std::sync::Mutex::new(Some(finished)));
    let service =
        ServiceBuilder::new()
            .layer(ledger(&gate))
            .service_fn(move |request: Request<()>| {
                let finished = finished.lock().unwrap().take();
                async move {
                    let permit = request.extensions().get::<Permit>().cloned();
                    let Some(finished) = finished else {
                        return Ok::<_, BoxError>(());
                    };
                    let write = tokio::spawn(async move {
                        drop(finished.await);
                        drop(permit);
                    });
                    drop(request);
                    write.await.map_err(BoxError::from)
                }
            });
    let mut first = Box::pin(call(&service, of_term(1)));
    assert!(first.as_mut().now_or_never().is_none());
    drop(first);
    tokio::task::yield_now().await;
    assert_eq!(gate.snapshot().in_flight(), 1, "the write goes on");
    let mut next = Box::pin(call(&service, of_term(2)));
    assert!(next.as_mut().now_or_never().is_none());
    finish.send(()).unwrap();
    next.await.unwrap();
    assert_empty(&gate, "the next term");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_calls_of_rising_terms_leave_the_gate_empty() {
    let gate = FencingGate::in_memory(None);
    let (service, watch) = resource(ledger(&gate));
    watch.otherwise(Act::answer().after(SOON));
    let calls: Vec<_> = (0..1000)
        .map(|number| tokio::spawn(call(&service, of_term(number / 10 + 1))))
        .collect();
    let mut answered = 0;
    for call in calls {
        answered += u32::from(call.await.unwrap().is_ok());
    }
    assert!(answered >= 10, "the last term comes in: {answered}");
    assert_empty(&gate, "all of them");
    assert_eq!(watch.alive().requests(), 0);
    assert!(call(&service, saying(["100"])).await.is_ok());
}

#[test]
fn a_call_can_go_to_any_thread() {
    fn anywhere<T: Send + 'static>(_: T) {}
    let gate = FencingGate::in_memory(None);
    let (mut service, _) = resource(ledger(&gate));
    let ready = service.ready().now_or_never().unwrap().unwrap();
    anywhere(ready.call(of_term(1)));
}
