//! Others' breakers, each set as nearly as it allows: half of the calls of 10 s and at least 20 of them
//! have to fail, it is open for 5 s each time, and then a few probes decide.

use std::time::Duration;

use failsafe::failure_policy::success_rate_over_time_window;
use failsafe::futures::CircuitBreaker as _;
use recloser::{AsyncRecloser, Recloser};
use seatbelt::breaker::{Breaker, HalfOpenMode};
use seatbelt::{RecoveryInfo, ResilienceContext};
use tick::Clock;
use tower::{BoxError, Layer as _, ServiceExt as _, service_fn};
use tower_resilience::circuitbreaker::{
    CircuitBreakerError, CircuitBreakerLayer, SlidingWindowType,
};

use crate::outage::{Calls, Refused};

const WINDOW: Duration = Duration::from_secs(10);
const OPEN: Duration = Duration::from_secs(5);
const RATIO: f64 = 0.5;
const LEAST: u32 = 20;

/// Its window is the mean life of a moving average. One answer decides when it is half open, and until
/// there is one all calls pass.
pub fn failsafe(inner: Calls) -> Calls {
    let open = failsafe::backoff::constant(OPEN);
    let policy = success_rate_over_time_window(1.0 - RATIO, LEAST, WINDOW, open);
    let breaker = failsafe::Config::new().failure_policy(policy).build();
    Calls::new(service_fn(move |()| {
        let call = breaker.call(inner.clone().oneshot(()));
        async move {
            call.await.map_err(|error| match error {
                failsafe::Error::Inner(error) => error,
                failsafe::Error::Rejected => Refused.into(),
            })
        }
    }))
}

/// It counts calls and no time: as many as come in 10 s. Until it has seen five answers when it is half
/// open, all calls pass.
pub fn recloser(inner: Calls) -> Calls {
    let breaker = Recloser::custom()
        .error_rate(RATIO as f32)
        .closed_len(2000)
        .half_open_len(5)
        .open_wait(OPEN);
    let breaker = AsyncRecloser::from(breaker.build());
    Calls::new(service_fn(move |()| {
        let call = breaker.call(inner.clone().oneshot(()));
        async move {
            call.await.map_err(|error| match error {
                recloser::Error::Inner(error) => error,
                recloser::Error::Rejected => Refused.into(),
            })
        }
    }))
}

/// All three probes have to succeed.
pub fn tower_resilience(inner: Calls) -> Calls {
    let layer = CircuitBreakerLayer::builder()
        .failure_rate_threshold(RATIO)
        .sliding_window_type(SlidingWindowType::TimeBased)
        .sliding_window_duration(WINDOW)
        .minimum_number_of_calls(LEAST as usize)
        .wait_duration_in_open(OPEN)
        .permitted_calls_in_half_open(3)
        .build()
        .expect("the settings are in range");
    let service = layer.layer(inner);
    Calls::new(service.map_err(|error| match error {
        CircuitBreakerError::Inner(error) => error,
        CircuitBreakerError::OpenCircuit => Refused.into(),
    }))
}

/// One probe decides.
pub fn seatbelt_quick(inner: Calls) -> Calls {
    seatbelt(inner, HalfOpenMode::quick())
}

/// Its default: after one probe, six stages as long as the open time let through more and more.
pub fn seatbelt_progressive(inner: Calls) -> Calls {
    seatbelt(inner, HalfOpenMode::default())
}

fn seatbelt(inner: Calls, half_open: HalfOpenMode) -> Calls {
    let context = ResilienceContext::<(), Result<(), BoxError>>::new(Clock::new_tokio());
    let layer = Breaker::layer("dependency", &context)
        .recovery_with(|result, _| match result {
            Ok(()) => RecoveryInfo::never(),
            Err(_) => RecoveryInfo::retry(),
        })
        .rejected_input_error(|_, _| BoxError::from(Refused))
        .failure_threshold(RATIO as f32)
        .min_throughput(LEAST)
        .sampling_duration(WINDOW)
        .break_duration(OPEN)
        .half_open_mode(half_open);
    Calls::new(layer.layer(inner))
}
