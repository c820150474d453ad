//! Admits calls while this node leads.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tower::Service;

use crate::context::Carrier;
use crate::error::{Executed, Kind, StackError};
use crate::telemetry::{End, Tally};

use super::LeaderFuture;
use super::call::Call;
use super::layer::{Shared, refuse};

/// Lets calls pass while this node leads; made by [`LeaderLayer`](super::LeaderLayer).
///
/// A clone holds nothing: neither a term nor, ever, readiness of its inner service.
#[derive(Clone, Debug)]
pub struct LeaderOnly<S> /* S::Error: StackError; add error::layer()? */ {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> LeaderOnly<S> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S, Req> Service<Req> for LeaderOnly<S>
where
    S: Service<Req> + Clone,
    S::Error: StackError,
    Req: Carrier,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = LeaderFuture<S, Req>;

    /// Ready at all times: a follower refuses at once, whatever the inner service waits for. That is asked
    /// in `call`, under the term.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        let mut tally = Tally::new(&self.shared);
        let Some(term) = self.shared.seat.term() else {
            return Self::refused(&mut tally);
        };
        // Before the term is looked at: from here on, who gives it up waits for this call.
        let job = term.begin();
        if !self.shared.suffices(term.remaining()) {
            return Self::refused(&mut tally);
        }
        // Whatever a peer has said in their place is gone.
        term.token().write(&mut request);
        request.attach(term.token());
        request.attach(term);
        match self.begin(request) {
            Ok(call) => LeaderFuture::led(job.run(call), tally),
            Err(error) => {
                tally.end(End::Error);
                LeaderFuture::ended(error)
            }
        }
    }
}

impl<S: Clone> LeaderOnly<S> {
    fn refused<Req>(tally: &mut Tally<Shared>) -> LeaderFuture<S, Req>
    where
        S: Service<Req>,
        S::Error: StackError,
    {
        let refusal = refuse(tally, Kind::NotLeader, Executed::No);
        LeaderFuture::ended(refusal.into())
    }

    /// Calls the inner service if it is ready on the spot; otherwise the future waits for it.
    ///
    /// No waker is left behind here: the future asks again when it is polled. Nor is an instance left in
    /// which readiness was begun or has failed: it goes with the call, and a clone takes its place.
    fn begin<Req>(&mut self, request: Req) -> Result<Call<S, Req>, S::Error>
    where
        S: Service<Req>,
    {
        match self
            .inner
            .poll_ready(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(Ok(())) => Ok(Call::begun(self.inner.call(request))),
            Poll::Ready(Err(error)) => {
                self.inner = self.inner.clone();
                Err(error)
            }
            Poll::Pending => {
                let fresh = self.inner.clone();
                let inner = mem::replace(&mut self.inner, fresh);
                Ok(Call::waiting(inner, request))
            }
        }
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use std::future::{Ready, ready};

    use futures::FutureExt as _;
    use tower::Layer as _;

    use super::*;
    use crate::context::Field;
    use crate::coordination::{
        FencingToken, LeaderConfig, LeaderLayer, ManualClock, ManualSeat, Seat as _, Timing,
        TimingConfig,
    };
    use crate::error::Error;

    struct Blank;

    impl Carrier for Blank {
        fn get_all(&self, _: Field) -> impl Iterator<Item = &[u8]> {
            std::iter::empty()
        }

        fn set(&mut self, _: Field, _: &[u8]) {}

        fn remove(&mut self, _: Field) {}
    }

    /// Sees to it that whoever gives the term up would wait.
    #[derive(Clone)]
    struct Joined(ManualSeat);

    impl Joined {
        fn look(&self) {
            let term = self.0.term().unwrap();
            assert_eq!(term.joined().now_or_never(), None, "nobody works");
        }
    }

    impl Service<Blank> for Joined {
        type Response = ();
        type Error = Error<()>;
        type Future = Ready<Result<(), Error<()>>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error<()>>> {
            self.look();
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Blank) -> Self::Future {
            self.look();
            ready(Ok(()))
        }
    }

    #[test]
    fn a_call_is_work_of_its_term_before_the_inner_service_is_asked_anything() {
        let timing = Timing::new(TimingConfig::default()).unwrap();
        let seat = ManualSeat::new(timing, ManualClock::default());
        let term = seat.lead(FencingToken::FIRST);
        let layer = LeaderLayer::new("orders", seat.clone(), LeaderConfig::default()).unwrap();
        let answer = layer.layer(Joined(seat)).call(Blank);
        answer.now_or_never().unwrap().unwrap();
        assert_eq!(term.joined().now_or_never(), Some(()));
    }
}
