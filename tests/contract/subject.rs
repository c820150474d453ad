//! A layer under test, and the bench it stands on.

use std::future::Future;

use futures::FutureExt;
use mainstay::Error;
use mainstay::test_util::{Act, Alive, Failed, Probe, Stepper, Token, Watch};
use tower::{Service, ServiceExt};

/// A service made of one or more layers over a probe.
pub(crate) trait Stack:
    Service<Token, Response = Token, Error = Error<Failed>, Future: Send + 'static>
    + Clone
    + Send
    + 'static
{
}

impl<S> Stack for S where
    S: Service<Token, Response = Token, Error = Error<Failed>, Future: Send + 'static>
        + Clone
        + Send
        + 'static
{
}

pub(crate) type Answer = Result<Token, Error<Failed>>;

/// One row of the matrix.
pub(crate) struct Subject<M> {
    pub(crate) name: &'static str,
    make: M,
    /// The `layer` label of its outermost layer.
    pub(crate) metered: Option<&'static str>,
    /// Whether it makes the inner service ready inside the call, instead of passing readiness on.
    pub(crate) readies_in_the_call: bool,
}

impl<M, S> Subject<M>
where
    M: Fn(Probe) -> S,
    S: Stack,
{
    pub(crate) fn new(name: &'static str, make: M) -> Self {
        Self {
            name,
            make,
            metered: None,
            readies_in_the_call: false,
        }
    }

    pub(crate) fn metered(mut self, layer: &'static str) -> Self {
        self.metered = Some(layer);
        self
    }

    pub(crate) fn readies_in_the_call(mut self) -> Self {
        self.readies_in_the_call = true;
        self
    }

    /// A new layer over a new probe.
    pub(crate) fn bench(&self) -> Bench<S> {
        let probe = Probe::new();
        let watch = probe.watch();
        let service = (self.make)(probe);
        Bench {
            idle: watch.alive(),
            watch,
            service,
        }
    }
}

/// A service over a probe of its own, and what was alive before the first call.
pub(crate) struct Bench<S> {
    pub(crate) watch: Watch,
    pub(crate) service: S,
    pub(crate) idle: Alive,
}

impl<S: Stack> Bench<S> {
    /// Makes a clone ready and calls it, and keeps it until the call has ended.
    pub(crate) fn call(&self) -> impl Future<Output = Answer> + use<S> {
        let mut service = self.service.clone();
        let request = self.watch.request();
        async move { service.ready().await?.call(request).await }
    }

    /// Calls the service itself, which is ready at once.
    pub(crate) fn call_ready(&mut self) -> S::Future {
        let ready = self.service.ready().now_or_never();
        ready
            .expect("the probe is ready, so the layer is")
            .expect("readiness does not fail")
            .call(self.watch.request())
    }

    /// Nothing is left of earlier calls, and the next is answered.
    #[track_caller]
    pub(crate) fn assert_as_new(&self, after: &str) {
        assert_eq!(self.watch.alive(), self.idle, "left over after {after}");
        assert_eq!(self.watch.violations(), [""; 0], "after {after}");
        self.watch.play([]);
        self.watch.otherwise(Act::answer());
        match self.call().now_or_never() {
            Some(Ok(_)) => {}
            other => panic!("wedged after {after}: {other:?}"),
        }
    }
}

/// Runs on a paused clock; a test that hangs, or spins, panics.
pub(crate) fn paused<F: Future>(test: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(Stepper::new(test).finish())
}
