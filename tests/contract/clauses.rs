//! The clauses, except those on metrics.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use mainstay::Error;
use mainstay::test_util::{
    Act, CountingWaker, Cut, Failed, Probe, Readiness, Stepper, Watch, drop_at_every_poll,
};
use tower::ServiceExt;

use super::matrix::{Verdict, said};
use super::subject::{Answer, Bench, Stack, Subject, paused};

const SOON: Duration = Duration::from_millis(10);
/// Longer than anything that ends, well below every default limit.
const PATIENCE: Duration = Duration::from_secs(20);

/// Each inner call follows a `Ready` of that very instance, however often a layer calls, and also
/// where a ready service was cloned in between. The probe panics otherwise, and keeps a record.
pub(crate) fn fresh_readiness<M: Fn(Probe) -> S, S: Stack>(subject: &Subject<M>) -> Verdict {
    paused(async {
        let Bench { watch, service, .. } = subject.bench();
        let mut services = [service.clone(), service];
        for turn in 0..4 {
            watch.play([Act::fail(), Act::fail(), Act::answer()]);
            let service = &mut services[turn % 2];
            service.ready().await.expect("the probe is ready");
            let mut idle = service.clone();
            drop(service.call(watch.request()).await);
            drop(call(&mut idle, &watch).await);
        }
        assert!(watch.calls() >= 8, "{} calls", watch.calls());
        assert_eq!(watch.violations(), [""; 0]);
    });
    Verdict::Kept
}

async fn call<S: Stack>(service: &mut S, watch: &Watch) -> Answer {
    service.ready().await?.call(watch.request()).await
}

/// Whatever is pending has left its latest waker, the inner readiness and the inner future wake it,
/// nothing wakes itself, and nobody keeps it in the end.
pub(crate) fn waker_kept<M: Fn(Probe) -> S, S: Stack>(subject: &Subject<M>) -> Verdict {
    paused(async {
        let Bench { watch, service, .. } = subject.bench();
        readiness_wakes(subject.readies_in_the_call, service.clone(), &watch).await;

        for act in [
            Act::hang(),
            Act::answer().after(SOON),
            Act::fail().after(SOON),
        ] {
            let mut service = service.clone();
            watch.play([act]);
            service.ready().await.expect("the probe is ready");
            let (first, last) = (CountingWaker::new(), CountingWaker::new());
            {
                let mut call = pin!(service.call(watch.request()));
                assert!(first.poll_once(call.as_mut()).is_pending());
                assert_eq!(first.wakes(), 0, "it woke itself: {act:?}");
                assert!(last.poll_once(call.as_mut()).is_pending());
                assert!(last.is_kept(), "no waker was left: {act:?}");
                watch.release();
                let woken = tokio::time::timeout(PATIENCE, last.woken(0)).await;
                assert!(woken.is_ok(), "the latest waker was not woken: {act:?}");
                drop(tokio::time::timeout(PATIENCE, call).await.expect("it ends"));
            }
            assert!(
                !first.is_kept() && !last.is_kept(),
                "a waker is kept: {act:?}"
            );
        }
    });
    Verdict::Kept
}

async fn readiness_wakes<S: Stack>(in_the_call: bool, mut service: S, watch: &Watch) {
    watch.readiness(Readiness::Pending);
    let waker = CountingWaker::new();
    let polled = service.poll_ready(&mut Context::from_waker(waker.waker()));
    if in_the_call {
        assert!(matches!(polled, Poll::Ready(Ok(()))), "{polled:?}");
        let mut call = Stepper::new(service.call(watch.request()));
        assert!(call.step().is_pending());
        assert!(!call.was_woken(), "it woke itself");
        watch.readiness(Readiness::Ready);
        assert!(call.was_woken(), "the inner readiness did not wake it");
        call.finish().await.expect("the probe answers");
    } else {
        assert!(polled.is_pending(), "{polled:?}");
        assert!(waker.is_kept(), "no waker was left");
        assert_eq!(waker.wakes(), 0, "it woke itself");
        watch.readiness(Readiness::Ready);
        assert!(waker.wakes() > 0, "the inner readiness did not wake it");
        call(&mut service, watch).await.expect("the probe answers");
    }
}

/// An inner error comes back as it is, from a call and from readiness, and no copy of it stays.
pub(crate) fn error_untouched<M: Fn(Probe) -> S, S: Stack>(subject: &Subject<M>) -> Verdict {
    paused(async {
        let bench = subject.bench();
        let watch = &bench.watch;
        for act in [
            Act::fail(),
            Act::fail().after(SOON),
            Act::fail().after_polls(2),
        ] {
            watch.otherwise(act);
            let failed = inner_error(bench.call().await);
            assert_eq!(failed.call(), watch.calls(), "not the last error: {act:?}");
            assert_eq!(watch.alive().errors(), 1, "{act:?}");
        }
        watch.readiness(Readiness::Fail);
        assert_eq!(inner_error(bench.call().await).call(), 0);
    });
    Verdict::Kept
}

fn inner_error(answer: Answer) -> Failed {
    match answer {
        Err(Error::Inner(failed)) => failed,
        other => panic!("not the inner error: {other:?}"),
    }
}

/// An inner response comes back as it is, and no copy of it stays.
pub(crate) fn response_untouched<M: Fn(Probe) -> S, S: Stack>(subject: &Subject<M>) -> Verdict {
    paused(async {
        let bench = subject.bench();
        let watch = &bench.watch;
        for act in [
            Act::answer(),
            Act::answer().after(SOON),
            Act::answer().after_polls(2),
        ] {
            watch.otherwise(act);
            let response = bench.call().await.expect("the probe answers");
            assert_eq!(
                response.id(),
                watch.calls(),
                "not the last response: {act:?}"
            );
            let alive = watch.alive();
            assert_eq!((alive.responses(), alive.requests()), (1, 0), "{act:?}");
        }
    });
    Verdict::Kept
}

/// Services that are ready and idle, and any number of them, keep no other from being called.
pub(crate) fn clone_holds_nothing<M: Fn(Probe) -> S, S: Stack>(subject: &Subject<M>) -> Verdict {
    paused(async {
        let bench = subject.bench();
        let mut idle = vec![bench.service.clone(); 100];
        for service in &mut idle {
            service.ready().await.expect("the probe is ready");
        }
        let answer = bench.call().now_or_never();
        assert!(matches!(answer, Some(Ok(_))), "{answer:?}");
    });
    Verdict::Kept
}

/// A layer that may answer without its inner service does not reserve its capacity meanwhile.
pub(crate) fn idle_reserves_no_inner<M: Fn(Probe) -> S, S: Stack>(subject: &Subject<M>) -> Verdict {
    if !subject.readies_in_the_call {
        return Verdict::DoesNotApply(
            "it passes the inner readiness on, so ready means that the inner is",
        );
    }
    paused(async {
        let mut bench = subject.bench();
        bench.service.ready().await.expect("the probe is ready");
        assert_eq!(bench.watch.alive(), bench.idle);
    });
    Verdict::Kept
}

/// A call that is given up, at any poll, leaves nothing, whether or not its service lives on.
pub(crate) fn drop_frees_all<M: Fn(Probe) -> S, S: Stack>(subject: &Subject<M>) -> Verdict {
    let scripts: [&[Act]; 5] = [
        &[Act::answer()],
        &[Act::answer().after_polls(3)],
        &[Act::answer().after(SOON)],
        &[Act::fail(), Act::fail()],
        &[
            Act::fail().after(SOON),
            Act::fail().after(SOON),
            Act::answer().after(SOON),
        ],
    ];
    for script in scripts {
        paused(async {
            let bench = subject.bench();
            let anew = || {
                bench.watch.play(script.iter().copied());
                bench.call()
            };
            let left = |cut: Cut| bench.assert_as_new(&format!("{script:?} {cut:?}"));
            drop_at_every_poll(anew, left).await;
        });
        paused(async {
            let bench = std::cell::RefCell::new(subject.bench());
            let anew = || {
                bench.borrow().watch.play(script.iter().copied());
                bench.borrow_mut().call_ready()
            };
            let left = |cut: Cut| bench.borrow().assert_as_new(&format!("{script:?} {cut:?}"));
            drop_at_every_poll(anew, left).await;
        });
    }
    Verdict::Kept
}

/// A future that is never polled leaves nothing, also while another call is in flight.
pub(crate) fn unpolled_frees_all<M: Fn(Probe) -> S, S: Stack>(subject: &Subject<M>) -> Verdict {
    paused(async {
        let mut bench = subject.bench();
        for _ in 0..10 {
            drop(bench.call_ready());
            bench.assert_as_new("a future that was never polled");
        }
        let futures = [bench.call_ready(), bench.call_ready(), bench.call_ready()];
        drop(futures);
        bench.assert_as_new("futures that were never polled");
    });
    Verdict::Kept
}

/// A panic of the inner service unwinds through as it is, and leaves nothing; again and again.
pub(crate) fn panic_leaves_no_trace<M: Fn(Probe) -> S, S: Stack>(subject: &Subject<M>) -> Verdict {
    paused(async {
        let bench = subject.bench();
        for act in [Act::panic_in_call(), Act::panic(), Act::panic().after(SOON)] {
            for _ in 0..3 {
                bench.watch.play([act]);
                assert_panics(bench.call()).await;
                bench.assert_as_new(&format!("{act:?}"));
            }
        }
        bench.watch.readiness(Readiness::Panic);
        assert_panics(bench.call()).await;
        bench.watch.readiness(Readiness::Ready);
        bench.assert_as_new("a panic in poll_ready");
    });
    Verdict::Kept
}

async fn assert_panics(call: impl Future<Output = Answer>) {
    match AssertUnwindSafe(call).catch_unwind().await {
        Err(panic) => assert!(
            said(&*panic).ends_with("as it was told"),
            "{}",
            said(&*panic)
        ),
        Ok(answer) => panic!("the panic was swallowed: {answer:?}"),
    }
}

/// Cloning a service, calling it and dropping it allocates nothing when the answer is there at once.
pub(crate) fn happy_path_allocates_nothing<M: Fn(Probe) -> S, S: Stack>(
    subject: &Subject<M>,
) -> Verdict {
    paused(async {
        let Bench { watch, service, .. } = subject.bench();
        let cx = &mut Context::from_waker(Waker::noop());
        let mut calls = |count: u32| {
            for _ in 0..count {
                let mut service = service.clone();
                assert!(service.poll_ready(cx).is_ready());
                let call = pin!(service.call(watch.request()));
                assert!(call.poll(cx).is_ready());
            }
        };
        calls(10);
        let measured = allocation_counter::measure(|| calls(100));
        assert_eq!(measured.count_total, 0, "allocations in 100 calls");
    });
    Verdict::Kept
}
