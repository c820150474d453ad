//! Calls that are settled after their response.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use mainstay::breaker::{
    BreakerConfig, BreakerHandle, BreakerLayer, Cancelled, Settle, State, Unsettled,
};
use mainstay::{Failure, Outcome, Pushback};
use tower::{BoxError, Layer, Service, ServiceExt};

use super::{Do, SECOND, Upstream, advance, config};

/// Gives the call to whoever gets the response.
#[derive(Clone, Copy)]
struct Later;

impl Settle<()> for Later {
    type Response = Option<Unsettled>;

    fn is_settled(&self, (): &(), outcome: Outcome) -> bool {
        outcome != Outcome::Success
    }

    fn respond(&self, (): (), call: Option<Unsettled>) -> Option<Unsettled> {
        call
    }
}

/// One millisecond less than a second.
const ALMOST: Duration = Duration::from_millis(999);
const FAILED: Outcome = Outcome::Failure(Failure::transient());

/// A circuit whose calls end when the test says so.
struct Bench<S> {
    service: S,
    circuit: BreakerHandle,
}

fn bench(
    config: BreakerConfig,
) -> Bench<impl Service<Do, Response = Option<Unsettled>, Error = BoxError> + Clone> {
    let layer = BreakerLayer::new("upstream", config).unwrap().settle(Later);
    Bench {
        circuit: layer.handle(),
        service: layer.layer(Upstream),
    }
}

impl<S: Service<Do, Response = Option<Unsettled>, Error = BoxError> + Clone> Bench<S> {
    /// A call that was answered.
    async fn answered(&self) -> Unsettled {
        self.after(Do::Ok).await
    }

    async fn after(&self, what: Do) -> Unsettled {
        let response = self.service.clone().oneshot(what).await.unwrap();
        response.expect("it is not settled")
    }

    fn counts(&self) -> (u64, u64, u64) {
        let snapshot = self.circuit.snapshot();
        (snapshot.calls(), snapshot.failures(), snapshot.stale())
    }

    async fn half_open(&self) {
        self.circuit.reset();
        for _ in 0..VOLUME {
            self.answered().await.settle(FAILED);
        }
        assert_eq!(self.circuit.state(), State::Open);
        advance(6 * SECOND).await;
    }
}

const VOLUME: u32 = 4;

fn small() -> BreakerConfig {
    config().volume_min(VOLUME)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_counted_until_the_call_is_settled() {
    let bench = bench(small());
    let calls = [bench.answered().await, bench.answered().await];
    assert_eq!(bench.counts(), (0, 0, 0));
    let [first, second] = calls;
    first.settle(FAILED);
    assert_eq!(bench.counts(), (1, 1, 0));
    second.settle(Outcome::Success);
    assert_eq!(bench.counts(), (2, 1, 0));
    bench.answered().await.settle(Outcome::Ignored);
    assert_eq!(bench.counts(), (2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn failures_after_the_response_open_the_circuit() {
    let bench = bench(small());
    for _ in 0..4 {
        assert_eq!(bench.circuit.state(), State::Closed);
        bench.answered().await.settle(FAILED);
    }
    assert_eq!(bench.circuit.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn pushback_after_the_response_opens_the_circuit_for_as_long() {
    let bench = bench(small());
    let asked = Failure::overload().pushback(Pushback::After(7 * SECOND));
    bench.answered().await.settle(Outcome::Failure(asked));
    assert_eq!(bench.circuit.state(), State::Open);
    assert_eq!(bench.circuit.snapshot().time_left(), Some(7 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_settled_at_once() {
    let bench = bench(small());
    for _ in 0..4 {
        assert!(bench.service.clone().oneshot(Do::Fail).await.is_err());
    }
    assert_eq!(bench.circuit.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn what_the_strategy_takes_for_settled_is_counted_as_the_classifier_said() {
    let failed = |_: Result<&(), &BoxError>| FAILED;
    let layer = BreakerLayer::new("upstream", small()).unwrap();
    let layer = layer.classify(failed).settle(Later);
    let response = layer.layer(Upstream).oneshot(Do::Ok).await.unwrap();
    assert!(response.is_none());
    assert_eq!(layer.handle().snapshot().failures(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_unsettled_was_given_up_at_the_age_of_its_response() {
    let ignoring = bench(small());
    drop(ignoring.answered().await);
    assert_eq!(ignoring.counts(), (0, 0, 0));

    let counting = bench(small().cancelled(Cancelled::FailureAfter(SECOND)));
    let quick = counting.after(Do::Take(ALMOST)).await;
    let slow = counting.after(Do::Take(SECOND)).await;
    advance(Duration::from_secs(3600)).await;
    drop(quick);
    assert_eq!(counting.counts(), (0, 0, 0));
    drop(slow);
    assert_eq!(counting.counts(), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_long_stream_is_not_a_slow_call_and_a_late_response_is() {
    let config = small().slow_ratio(mainstay::Ratio::percent(50).unwrap());
    let bench = bench(config.slow_duration(SECOND));
    let quick = bench.after(Do::Take(ALMOST)).await;
    advance(Duration::from_secs(3600)).await;
    quick.settle(Outcome::Success);
    assert_eq!(bench.circuit.snapshot().slow(), 0);
    bench.after(Do::Take(SECOND)).await.settle(Outcome::Success);
    assert_eq!(bench.circuit.snapshot().slow(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_what_is_left_of_the_call_is_a_failure() {
    let bench = bench(small());
    let mut call = bench.answered().await;
    assert_eq!(call.run(|| 7), 7);
    let unwound = catch_unwind(AssertUnwindSafe(|| call.run(|| panic!("in the body"))));
    assert!(unwound.is_err());
    drop(call);
    assert_eq!(bench.counts(), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_its_state_is_stale() {
    let bench = bench(small());
    let (ended, dropped) = (bench.answered().await, bench.answered().await);
    bench.circuit.reset();
    ended.settle(FAILED);
    drop(dropped);
    assert_eq!(bench.counts(), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_probe_keeps_its_place_until_it_is_settled_or_its_lease_ends() {
    let bench = bench(small().probes(1).probe_successes(1));
    bench.half_open().await;
    let probe = bench.answered().await;
    let refused = bench.service.clone().oneshot(Do::Ok).await;
    assert!(refused.is_err(), "the probe's place is taken");
    probe.settle(Outcome::Success);
    assert_eq!(bench.circuit.state(), State::Closed);

    bench.half_open().await;
    drop(bench.answered().await);
    assert_eq!(bench.circuit.state(), State::HalfOpen);
    let probe = bench.answered().await;
    advance(30 * SECOND).await;
    assert_eq!(bench.circuit.snapshot().state(), State::Open);
    probe.settle(Outcome::Success);
    assert_eq!(bench.circuit.state(), State::Open, "it came too late");
}

/// The probes' gauge, the circuit and the metrics outlive the layer as long as a call does.
#[tokio::test(start_paused = true)]
async fn a_call_may_be_settled_when_the_layer_is_gone() {
    let bench = bench(small());
    let call = bench.answered().await;
    drop(bench);
    call.settle(FAILED);
}
