//! The breaker against its public API, on a paused clock.
#![cfg(feature = "breaker")]

mod balanced;
#[cfg(feature = "tracing")]
mod capture;
mod deadlines;
mod endings;
#[cfg(feature = "tracing")]
mod events;
#[cfg(feature = "serde")]
mod files;
mod handle;
mod probation;
mod readiness;
mod settle;
#[cfg(feature = "metrics")]
mod telemetry;
mod trips;

use std::time::Duration;

use mainstay::breaker::{Breaker, BreakerConfig, BreakerHandle, BreakerLayer};
use mainstay::{Executed, Kind, Ratio, Rejection, StackError};
use tower::{BoxError, Layer, Service, ServiceExt};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// What the service behind the breaker does with a call.
#[derive(Clone, Copy, Debug)]
enum Do {
    Ok,
    Fail,
    /// Succeeds after a while.
    Take(Duration),
    /// Fails after a while.
    FailAfter(Duration),
    Hang,
    Panic,
    PanicInCall,
}

#[derive(Clone, Copy, Debug, Default)]
struct Upstream;

type Answer = std::pin::Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

impl Service<Do> for Upstream {
    type Response = ();
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), BoxError>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, what: Do) -> Answer {
        assert!(!matches!(what, Do::PanicInCall), "in call");
        Box::pin(async move {
            match what {
                Do::Ok => Ok(()),
                Do::Fail => Err("failed".into()),
                Do::Take(time) => {
                    tokio::time::sleep(time).await;
                    Ok(())
                }
                Do::FailAfter(time) => {
                    tokio::time::sleep(time).await;
                    Err("failed late".into())
                }
                Do::Hang => std::future::pending().await,
                Do::Panic | Do::PanicInCall => panic!("in the future"),
            }
        })
    }
}

type Guarded = Breaker<Upstream>;

/// Without jitter, so that times are exact.
fn config() -> BreakerConfig {
    BreakerConfig::default().jitter(Ratio::ZERO)
}

fn breaker(config: BreakerConfig) -> (Guarded, BreakerHandle) {
    let layer = BreakerLayer::new("upstream", config).expect("valid");
    (layer.layer(Upstream), layer.handle())
}

/// One call on a clone of its own, as servers make them.
async fn call(service: &Guarded, what: Do) -> Result<(), BoxError> {
    service.clone().oneshot(what).await
}

/// Begins a call and polls it once, so that it is in flight.
async fn begin(service: &Guarded, what: Do) -> tokio::task::JoinHandle<Result<(), BoxError>> {
    let call = tokio::spawn(service.clone().oneshot(what));
    tokio::task::yield_now().await;
    call
}

async fn calls(service: &Guarded, count: usize, what: Do) {
    for _ in 0..count {
        let _ = call(service, what).await;
    }
}

/// The refusal of a call that an open circuit must refuse.
async fn refused(service: &Guarded) -> Rejection {
    let error = call(service, Do::Ok).await.expect_err("refused");
    let refusal = error.rejection().expect("a refusal").clone();
    assert_eq!(refusal.kind(), Kind::CircuitOpen);
    assert_eq!(refusal.executed(), Executed::No);
    assert_eq!(refusal.layer(), "upstream");
    refusal
}

async fn advance(time: Duration) {
    tokio::time::advance(time).await;
}
