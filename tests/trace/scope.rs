//! The task's current context: where it is, and where it is not.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Waker};

use futures::FutureExt;
use mainstay::Rng;
use mainstay::trace::{Baggage, TraceClientLayer, TraceContext, TraceServerLayer};
use tower::{Layer, ServiceBuilder, ServiceExt};

use crate::kit::*;

fn root() -> TraceContext {
    TraceContext::root(&Rng::thread())
}

#[test]
fn a_scope_is_in_force_while_its_future_is_polled_and_ends_with_it() {
    let (outer, inner) = (root(), root());
    let seen = outer.clone().in_scope(async {
        let within = inner
            .clone()
            .in_scope(async { TraceContext::current() })
            .await;
        (within, TraceContext::current())
    });
    let seen = futures::executor::block_on(seen);
    assert_eq!(seen, (Some(inner), Some(outer)));
    assert_eq!(TraceContext::current(), None);
}

#[tokio::test]
async fn a_spawned_task_has_the_context_that_it_is_given() {
    let handle = handler(async |_| {
        let context = TraceContext::current().expect("the server's");
        let bare = tokio::spawn(async { TraceContext::current() });
        let given = tokio::spawn(context.clone().in_scope(async {
            let first = TraceContext::current();
            tokio::task::yield_now().await;
            (first, TraceContext::current(), Baggage::current())
        }));
        (bare.await.unwrap(), given.await.unwrap())
    });
    let server = TraceServerLayer::new("api").baggage(true).layer(handle);
    let asked = request([("traceparent", PARENT), ("baggage", "a=1")]);
    let (bare, (first, second, baggage)) = server.oneshot(asked).await.unwrap();
    assert_eq!(bare, None);
    assert_eq!((first, second), (Some(parent()), Some(parent())));
    assert_eq!(baggage.as_str(), "a=1");
}

#[test]
fn what_is_polled_in_between_does_not_see_it() {
    let handle = || {
        handler(async |_| {
            let before = TraceContext::current();
            tokio::task::yield_now().await;
            (before, TraceContext::current())
        })
    };
    let layer = TraceServerLayer::new("api");
    let mut calls = [(); 3].map(|()| Box::pin(layer.layer(handle()).oneshot(Request::default())));
    let cx = &mut Context::from_waker(Waker::noop());
    for call in &mut calls {
        assert!(call.as_mut().poll(cx).is_pending());
        assert_eq!(TraceContext::current(), None);
    }
    let seen = calls.map(|mut call| call.as_mut().now_or_never().unwrap().unwrap());
    for (before, after) in &seen {
        assert!(before.is_some());
        assert_eq!(before, after);
    }
    assert_ne!(seen[0], seen[1]);
    assert_ne!(seen[1], seen[2]);
}

#[test]
fn a_panic_in_the_call_or_in_a_poll_leaves_what_was_current_before() {
    let outer = root();
    let check = outer.clone().in_scope(async {
        let in_call = tower::service_fn(|_: Request| -> std::future::Ready<Result<(), ()>> {
            panic!("in the call")
        });
        let mut service = TraceServerLayer::new("api").layer(in_call);
        let call = || drop(tower::Service::call(&mut service, Request::default()));
        assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
        assert_eq!(TraceContext::current(), Some(outer.clone()));

        let in_poll = handler(async |_| panic!("in the poll"));
        let call = TraceServerLayer::new("api")
            .layer(in_poll)
            .oneshot(Request::default());
        assert!(AssertUnwindSafe(call).catch_unwind().await.is_err());
        assert_eq!(TraceContext::current(), Some(outer.clone()));
    });
    futures::executor::block_on(check);
    assert_eq!(TraceContext::current(), None);
}

/// Says what is current when it is dropped.
struct AsksWhenDropped(mpsc::Sender<Option<TraceContext>>);

impl Drop for AsksWhenDropped {
    fn drop(&mut self) {
        self.0.send(TraceContext::current()).unwrap();
    }
}

#[test]
fn what_is_dropped_with_the_future_does_not_see_it_and_what_is_dropped_by_it_does() {
    let (asks, told) = mpsc::channel();
    let within = |waits: bool| {
        let asks = AsksWhenDropped(asks.clone());
        root().in_scope(async move {
            let _asks = asks;
            if waits {
                std::future::pending::<()>().await;
            }
        })
    };
    let outer = root();
    let check = outer.clone().in_scope(async {
        assert!(within(true).now_or_never().is_none());
        assert_eq!(told.try_recv(), Ok(Some(outer.clone())));
        assert!(within(false).now_or_never().is_some());
        assert_ne!(told.recv().unwrap(), Some(outer.clone()));
    });
    futures::executor::block_on(check);
}

#[test]
fn a_future_that_moves_between_threads_takes_its_context_along() {
    let context = root();
    let mut future = Box::pin(context.clone().in_scope(async {
        tokio::task::yield_now().await;
        TraceContext::current()
    }));
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(cx).is_pending());
    let elsewhere = std::thread::spawn(move || future.now_or_never().unwrap());
    assert_eq!(elsewhere.join().unwrap(), Some(context));
}

/// Asks for the context, and polls in one, while its thread is torn down.
struct AsksLate;

impl Drop for AsksLate {
    fn drop(&mut self) {
        drop(TraceContext::current());
        let polled = pin!(parent().in_scope(async { 7 })).now_or_never();
        assert_eq!(polled, Some(7));
    }
}

#[test]
fn a_thread_that_is_torn_down_may_still_ask() {
    thread_local! {
        static LATE: RefCell<Option<AsksLate>> = const { RefCell::new(None) };
    }
    let late = || LATE.with(|slot| *slot.borrow_mut() = Some(AsksLate));
    let here = || assert!(parent().in_scope(async {}).now_or_never().is_some());
    for order in [[true, false], [false, true]] {
        let thread = std::thread::spawn(move || {
            for is_late in order {
                if is_late { late() } else { here() }
            }
        });
        thread.join().expect("no panic, and no abort");
    }
}

#[tokio::test]
async fn a_request_in_another_task_is_in_its_trace_by_what_is_attached() {
    let client = TraceClientLayer::new("peer").baggage(true);
    let callee = Callee::default();
    let service = client.layer(callee.clone());
    let handle = handler(move |request: Request| {
        let service = service.clone();
        async move {
            let mut onward = Request::default();
            *onward.extensions_mut() = request.extensions().clone();
            tokio::spawn(service.oneshot(onward)).await.unwrap()
        }
    });
    let server = TraceServerLayer::new("api").baggage(true).layer(handle);
    let asked = request([("traceparent", PARENT), ("baggage", "a=1")]);
    server.oneshot(asked).await.unwrap().unwrap();
    assert_eq!(callee.last().all("baggage"), ["a=1"]);
    assert_eq!(callee.last().current, None);
    assert_eq!(callee.last().sent().trace_id(), parent().trace_id());
}

#[test]
fn requests_one_after_the_other_on_a_thread_do_not_see_each_other_whatever_became_of_the_first() {
    let traces = [1, 2, 3].map(|trace| {
        let parent = format!("00-{trace:032x}-b7ad6b7169203331-01");
        parent.parse::<TraceContext>().unwrap()
    });
    let handle = handler(async |request: Request| match request.uri().path() {
        "/panics" => panic!("in the handler"),
        "/waits" => std::future::pending().await,
        _ => TraceContext::current(),
    });
    for attached in [true, false] {
        let service = TraceServerLayer::new("api")
            .attach(attached)
            .layer(handle.clone());
        for context in &traces {
            let call = |path: &str| {
                let mut asked = request([("traceparent", &context.to_string())]);
                *asked.uri_mut() = path.parse().unwrap();
                AssertUnwindSafe(service.clone().oneshot(asked)).catch_unwind()
            };
            assert!(call("/panics").now_or_never().expect("it ends").is_err());
            assert_eq!(TraceContext::current(), None);
            assert!(call("/waits").now_or_never().is_none());
            assert_eq!(TraceContext::current(), None);
            let seen = call("/").now_or_never().expect("it ends");
            let seen = seen.expect("no panic").expect("it is answered");
            assert_eq!(seen.as_ref(), Some(context));
            assert_eq!(TraceContext::current(), None);
        }
    }
}

#[tokio::test]
async fn a_server_layer_within_a_client_layer_takes_up_what_that_wrote() {
    for attached in [true, false] {
        let stack = ServiceBuilder::new()
            .layer(TraceClientLayer::new("out"))
            .layer(TraceServerLayer::new("in").attach(attached));
        let mut asked = request([("traceparent", PARENT)]);
        asked.extensions_mut().insert(parent());
        let seen = through(&stack, asked).await;
        assert_eq!(seen.sent().trace_id(), parent().trace_id());
        assert_ne!(seen.sent().span_id(), parent().span_id());
        assert_eq!(seen.current, Some(seen.sent()));
        assert_eq!(seen.attached, attached.then(|| seen.sent()));
    }
}
