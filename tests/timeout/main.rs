//! The timeout from outside: when its time runs, how a call ends, and what is left of it.

#![cfg(all(feature = "test-util", feature = "timeout"))]

mod deadlines;
mod endings;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use mainstay::test_util::{Failed, Probe, Stepper, Token, Watch};
use mainstay::timeout::{Timeout, TimeoutConfig, TimeoutHandle, TimeoutLayer};
use mainstay::{Error, Rejection, error};
use tower::{Layer, Service, ServiceExt, service_fn};

const SECOND: Duration = Duration::from_secs(1);

type OverProbe = Timeout<error::ErrorService<Probe>>;
type Answer = Result<Token, Error<Failed>>;

fn layer(limit: Duration) -> TimeoutLayer {
    TimeoutLayer::new("db", TimeoutConfig::default().limit(limit)).expect("the limit is valid")
}

fn over_probe(limit: Duration) -> (OverProbe, Watch, TimeoutHandle) {
    let probe = Probe::new();
    let watch = probe.watch();
    let layer = layer(limit);
    let handle = layer.handle();
    (layer.layer(error::layer().layer(probe)), watch, handle)
}

/// Panics where the call would hang.
async fn call(service: &mut OverProbe, watch: &Watch) -> Answer {
    let call = async { service.ready().await?.call(watch.request()).await };
    Stepper::new(call).finish().await
}

#[track_caller]
fn refusal<T: fmt::Debug, E: fmt::Debug>(answer: Result<T, Error<E>>) -> Rejection {
    match answer {
        Err(Error::Rejected(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn hanging<Req: 'static>()
-> impl Service<Req, Response = (), Error = Error<Infallible>, Future: Send> + Clone {
    service_fn(|_: Req| std::future::pending())
}
