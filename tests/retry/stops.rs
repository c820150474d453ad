//! Why calls are not tried again, and what is given back then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use mainstay::retry::{Replay, RetryConfig, RetryHandle, RetryLayer, Stop, Unlimited};
use mainstay::{
    Deadline, Error, Executed, Failure, Kind, Outcome, Pushback, Rejection, StackError,
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tower::{BoxError, Layer, ServiceExt, service_fn};

use crate::kit::*;

/// Which stops have been counted, and how often.
pub(crate) fn stops(handle: &RetryHandle) -> Vec<(Stop, u64)> {
    let snapshot = handle.snapshot();
    let counts = Stop::ALL.map(|stop| (stop, snapshot.stops(stop)));
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// Calls once; how the call ended, how many attempts there were, and why no more.
async fn run(
    config: RetryConfig,
    replay: impl Replay<Request> + Clone,
    steps: impl IntoIterator<Item = Step>,
) -> (Result<Said, Error<Said>>, usize, Vec<(Stop, u64)>) {
    let server = Server::new(steps);
    let layer = layer(config).replay(replay);
    let result = layer
        .layer(server.handle())
        .oneshot(Request::default())
        .await;
    let attempts = server.calls();
    let snapshot = layer.handle().snapshot();
    assert_eq!(snapshot.further_attempts() + 1, attempts as u64);
    (result, attempts, stops(&layer.handle()))
}

#[derive(Clone, Copy)]
struct Rule {
    copies: bool,
    safe: bool,
    intact: bool,
}

const SAFE: Rule = Rule {
    copies: true,
    safe: true,
    intact: true,
};
const UNSAFE: Rule = Rule {
    safe: false,
    ..SAFE
};

impl Replay<Request> for Rule {
    fn copy(&self, request: &Request) -> Option<Request> {
        self.copies.then(|| request.clone())
    }

    fn is_safe(&self, _request: &Request) -> bool {
        self.safe
    }

    fn is_intact(&self, _copy: &Request) -> bool {
        self.intact
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_succeeds_has_no_stop() {
    for (steps, attempts) in [(vec![OK], 1), (vec![fail(), fail(), OK], 3)] {
        let (result, sent, why) = run(exact(), SAFE, steps).await;
        assert_eq!(result.unwrap().meaning, Outcome::Success);
        assert_eq!((sent, why), (attempts, vec![]));
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_result_is_given_back_after_as_many_attempts_as_allowed() {
    let last = Failure::overload();
    for attempts in [1_u32, 2, 5] {
        let steps = (1..attempts).map(|_| fail()).chain([answer(last)]);
        let config = exact().attempts(attempts);
        let (result, sent, why) = run(config, SAFE, steps).await;
        assert_eq!(result.unwrap().meaning, Outcome::Failure(last));
        assert_eq!((sent, why), (attempts as usize, vec![(Stop::Attempts, 1)]));
    }
    let (result, _, _) = run(exact(), SAFE, [answer(last), fail()]).await;
    assert!(matches!(result, Err(Error::Inner(said))
        if said.meaning == Outcome::Failure(Failure::transient())));
}

#[tokio::test(start_paused = true)]
async fn each_reason_is_told_by_its_own_name() {
    let transient = Failure::transient();
    let not_run = transient.executed(Executed::No);
    let never = transient.pushback(Pushback::Never);
    let hour = transient.pushback(Pushback::After(3600 * SECOND));
    let elapsed = exact().elapsed_max(50 * MS);
    let uncopied = Rule {
        copies: false,
        ..SAFE
    };
    let outgrown = Rule {
        intact: false,
        ..SAFE
    };
    for (config, rule, failure, why) in [
        (exact(), SAFE, Failure::permanent(), Stop::NotTransient),
        (exact(), UNSAFE, transient, Stop::NotSafe),
        (exact(), SAFE, never, Stop::Pushback),
        (exact(), SAFE, hour, Stop::Pushback),
        (elapsed, SAFE, transient, Stop::Elapsed),
        (exact(), uncopied, not_run, Stop::NotReplayable),
        (exact(), outgrown, transient, Stop::NotReplayable),
    ] {
        for step in [Step::Fail(failure), answer(failure)] {
            let (result, sent, told) = run(config.clone(), rule, [step]).await;
            assert_eq!(meaning(result.as_ref()), Outcome::Failure(failure));
            assert_eq!((sent, told), (1, vec![(why, 1)]));
        }
    }
    let (_, sent, why) = run(exact(), SAFE, [Step::Answer(Outcome::Ignored)]).await;
    assert_eq!((sent, why), (1, vec![(Stop::NotTransient, 1)]));
}

/// Copies that are good when the attempt has failed, and not any more when it is time to send them.
#[derive(Clone, Default)]
struct Spoiling(Arc<AtomicU32>);

impl Replay<Request> for Spoiling {
    fn copy(&self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }

    fn is_safe(&self, _request: &Request) -> bool {
        true
    }

    fn is_intact(&self, _copy: &Request) -> bool {
        self.0.fetch_add(1, Relaxed) == 0
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_spoils_during_the_wait_is_not_sent() {
    let (result, sent, why) = run(exact(), Spoiling::default(), [fail()]).await;
    assert!(matches!(result, Err(Error::Inner(_))), "the last error");
    assert_eq!((sent, why), (1, vec![(Stop::NotReplayable, 1)]));

    let lost = answer(Failure::transient());
    let (result, _, why) = run(exact(), Spoiling::default(), [lost]).await;
    let Err(Error::Rejected(refusal)) = result else {
        panic!("{result:?}")
    };
    assert_eq!(refusal.executed(), Executed::Unknown);
    let said = refusal.to_string();
    assert_eq!(said, "test: another attempt could not be sent");
    assert_eq!(why, [(Stop::NotReplayable, 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_safe_is_repeated_when_it_did_not_run() {
    let refused = Failure::transient().executed(Executed::No);
    let steps = [Step::Fail(refused), answer(refused), fail(), OK];
    let (_, sent, why) = run(exact().attempts(9), UNSAFE, steps).await;
    assert_eq!(sent, 3, "the third may have run");
    assert_eq!(why, [(Stop::NotSafe, 1)]);
}

/// A call whose two attempts are refused like this: whether its caller is told that it can have run.
async fn refused(attempts: [(Kind, Executed); 2]) -> Executed {
    let classify = |result: Result<&(), &BoxError>| match result.err().and_then(|e| e.rejection()) {
        Some(refusal) if refusal.kind() != Kind::CircuitOpen => {
            Outcome::Failure(Failure::transient().executed(refusal.executed()))
        }
        _ => Outcome::Ignored,
    };
    let sent = Arc::new(AtomicU32::new(0));
    let inner = service_fn(move |()| {
        let (kind, executed) = attempts[sent.fetch_add(1, Relaxed) as usize];
        let refusal = Rejection::new(kind, executed, "inner".into()).after(SECOND);
        async { Err::<(), BoxError>(refusal.into()) }
    });
    let layer = RetryLayer::new("test", exact()).unwrap().classify(classify);
    let error = layer.layer(inner).oneshot(()).await.unwrap_err();
    let refusal = error.rejection().unwrap();
    assert_eq!((refusal.kind(), refusal.layer()), (attempts[1].0, "inner"));
    assert_eq!(refusal.retry_after(), Some(SECOND));
    refusal.executed()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_last_attempt_does_not_say_that_the_call_never_ran() {
    let open = (Kind::CircuitOpen, Executed::No);
    let timeout = (Kind::Timeout, Executed::Unknown);
    assert_eq!(refused([timeout, open]).await, Executed::Unknown);
    let full = (Kind::BulkheadFull, Executed::No);
    assert_eq!(refused([full, open]).await, Executed::No, "neither ran");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_refuses_before_the_first_attempt() {
    let server = Server::new([OK]);
    let service = layer(exact()).layer(server.handle());
    let now = Deadline::at(tokio::time::Instant::now());
    let result = now.scope(service.oneshot(Request::default())).await;
    let Err(Error::Rejected(refusal)) = result else {
        panic!("{result:?}")
    };
    assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
    assert_eq!(refusal.executed(), Executed::No);
    assert_eq!(server.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_copy_is_made_for_the_last_attempt_nor_for_the_only_one() {
    for (attempts, step, copies, clones) in [
        (1, fail(), 0, 0),
        (1, OK, 0, 0),
        (2, fail(), 1, 1),
        (3, OK, 1, 0),
        (3, fail(), 2, 2),
    ] {
        let server = Server::new([step]);
        let service = layer(exact().attempts(attempts)).layer(server.handle());
        let kept = server.state().clones;
        let request = Request::default();
        let counted = Arc::clone(&request.copies);
        drop(service.oneshot(request).await);
        assert_eq!(*counted.lock().unwrap(), copies, "{attempts} {step:?}");
        let cloned = server.state().clones - kept;
        assert_eq!(
            cloned, clones,
            "a service for each further attempt: {attempts} {step:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_response_and_its_attempt_are_dropped_before_the_sleep() {
    let server = Server::new([answer(Failure::transient()), OK]);
    let service = layer(exact()).layer(server.handle());
    let call = tokio::spawn(service.oneshot(Request::default()));
    tokio::time::sleep(10 * MS).await;
    assert_eq!((server.calls(), server.alive()), (1, 0));
    assert_eq!(call.await.unwrap().unwrap().meaning, Outcome::Success);
}

#[tokio::test(start_paused = true)]
async fn calls_attempts_and_stops_are_counted_once_with_their_labels() {
    let recorder = DebuggingRecorder::new();
    let layer = metrics::with_local_recorder(&recorder, || layer(exact()).budget(Unlimited));
    let server = Server::new([fail(), OK, fail()]);
    let mut service = layer.layer(server.handle());
    for _ in 0..2 {
        drop(
            service
                .ready()
                .await
                .unwrap()
                .clone()
                .oneshot(Request::default())
                .await,
        );
    }
    let mut counts: Vec<String> = recorder
        .snapshotter()
        .snapshot()
        .into_vec()
        .into_iter()
        .filter(|(_, _, _, value)| *value != DebugValue::Counter(0))
        .map(|(key, _, _, value)| {
            let key = key.key();
            let labels: Vec<_> = key
                .labels()
                .map(|label| format!("{}={}", label.key(), label.value()))
                .collect();
            format!("{} {} {value:?}", key.name(), labels.join(" "))
        })
        .collect();
    counts.sort();
    assert_eq!(
        counts,
        [
            "mainstay_calls_total layer=retry name=test outcome=error Counter(1)",
            "mainstay_calls_total layer=retry name=test outcome=ok Counter(1)",
            "mainstay_retry_attempts_total layer=retry name=test Counter(3)",
            "mainstay_retry_stops_total layer=retry name=test reason=attempts Counter(1)",
        ]
    );
}
