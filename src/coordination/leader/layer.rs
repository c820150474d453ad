//! Settings and handle of a leader's layer.

use std::sync::Arc;
use std::time::Duration;

use tower::Layer;

use crate::coordination::NotLeader;
use crate::error::{ConfigError, Executed, Kind, Rejection};
use crate::name::Name;
use crate::sync::DurationCell;
use crate::telemetry::{Calls, Metered, Scope, Tally, event};

use super::{LeaderConfig, LeaderOnly, Seat};

/// Lets requests pass while this node leads, and ends them when its term does. Makes [`LeaderOnly`] services.
///
/// Use it around the handlers of a service of which every node runs and one is to act. Do **not** use it
/// in the place of a [`FencingLayer`](crate::coordination::FencingLayer) before the resource: what a handler
/// has sent when its term ends is on its way all the same.
///
/// ```
/// use http::{Request, Response};
/// use mainstay::coordination::{FencingToken, LeaderConfig, LeaderLayer, NodeId, NotLeader};
/// # use mainstay::coordination::{ManualSeat, Timing, TimingConfig, TokioClock};
/// use mainstay::{Kind, StackError};
/// use std::error::Error;
/// use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), BoxError> {
/// # let seat = ManualSeat::new(Timing::new(TimingConfig::default())?, TokioClock::new());
/// # let watch = seat.clone();
/// // let watch = election.watch();
/// let mut orders = ServiceBuilder::new()
///     .layer(LeaderLayer::new("orders", watch, LeaderConfig::default())?)
///     .service_fn(|request: Request<()>| async move {
///         let token = request.extensions().get::<FencingToken>();
///         let token = token.ok_or("not led")?.number();
///         Ok::<_, BoxError>(Response::new(token)) // goes along with whatever is written
///     });
///
/// # seat.follow(Some(NodeId(2)));
/// let error = orders.ready().await?.call(Request::new(())).await.unwrap_err();
/// let refusal = error.rejection().ok_or("another error")?;
/// assert_eq!(refusal.kind(), Kind::NotLeader);
/// let leader = refusal.source().and_then(|source| source.downcast_ref()).and_then(NotLeader::leader);
/// assert_eq!(leader, Some(NodeId(2)));
///
/// # seat.lead(FencingToken::FIRST);
/// // let guard = election.campaign().await?;
/// assert_eq!(orders.ready().await?.call(Request::new(())).await?.into_body(), 1);
/// # Ok(())
/// # }
/// ```
///
/// # What it does with a call
/// It asks the [`Seat`] when it is called, and never before: being ready says nothing of who leads. A
/// node that does not lead refuses at once. Where it does lead, the call is work of the
/// [`Term`](crate::coordination::Term) before the inner service is asked anything, readiness included: it is
/// polled while the term is valid, dropped when it is not, and a leader that resigns gives its lease back
/// when the call is gone. An answer that comes when the term is over is not given out, for what was read may
/// be old; an error of the inner service passes.
///
/// The request gets the number of the term in the field
/// [`fencing-token`](crate::coordination::FencingToken::FIELD), in the place of whatever a peer has put there.
/// The [`FencingToken`](crate::coordination::FencingToken) and the [`Term`](crate::coordination::Term) are
/// attached to it too: by the latter a handler runs what it spawns.
///
/// # What it does not
/// What a handler has sent, spawned or handed to another thread goes on when its future is dropped, and so
/// does the body of a response that is still being written. Where that has effects, let the handler
/// [run](crate::coordination::Term::run) it under the term, and a gate stand before the resource.
///
/// It passes no request on to the leader: a client, or a proxy before the nodes, does that by the hint.
///
/// # Refusals
/// | Kind | Executed | When |
/// |---|---|---|
/// | [`NotLeader`](Kind::NotLeader) | `No` | this node does not lead, or less than [`min_remaining`](LeaderConfig::min_remaining) is left; or the term ended before the inner service was ready |
/// | [`LeadershipLost`](Kind::LeadershipLost) | `Unknown` | the term ended while the call ran |
/// | [`LeadershipLost`](Kind::LeadershipLost) | `Yes` | the term ended before the answer came |
///
/// The source of each is a [`NotLeader`], with who leads as far as this node knows: a node learns it when it
/// campaigns. Over HTTP and gRPC it goes with the answer, in [`NotLeader::FIELD`].
///
/// # Anti-patterns
/// - To resign within a call and to wait for it: the call is work of the term, and is ended first.
/// - To keep the future of a call without polling it: the next leader waits for it, until the lease ends.
/// - Streams without an end: the layer is through with them when their head is there.
///
/// # In a stack
/// A server's: respond, trace, deadline, bulkhead, timeout, idempotency, this, `error::layer()`, handler. Below
/// idempotency: so a key that a follower refused is free again, one that was cut off is not run again by the
/// next leader that shares the store, and a handler that goes on without its caller ends with the term all
/// the same. Below what waits, so that who leads is asked last.
///
/// The services of one layer value and of its clones share its seat, its settings and its metrics.
#[derive(Clone, Debug)]
pub struct LeaderLayer {
    shared: Arc<Shared>,
}

/// What the services of one layer share.
#[derive(Debug)]
pub(super) struct Shared {
    calls: Calls,
    pub(super) seat: Box<dyn Seat>,
    min_remaining: DurationCell,
}

impl Metered for Shared {
    fn calls(&self) -> &Calls {
        &self.calls
    }
}

impl Shared {
    /// Whether a call may begin with so much left.
    pub(super) fn suffices(&self, left: Duration) -> bool {
        !left.is_zero() && left >= self.min_remaining.get()
    }
}

/// Counts a refusal and makes it, with who leads now for its source.
pub(super) fn refuse(tally: &mut Tally<Shared>, kind: Kind, executed: Executed) -> Rejection {
    let hint = NotLeader::new(tally.seat.leader());
    tally.reject(kind, executed).because(Arc::new(hint))
}

impl LeaderLayer {
    /// Lets calls to what `name` names pass while `seat` leads: an election's
    /// [`watch`](crate::coordination::LeaderElection::watch).
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(
        name: impl Into<Name>,
        seat: impl Seat,
        config: LeaderConfig,
    ) -> Result<Self, ConfigError> {
        config.validate(&seat.timing())?;
        let scope = Scope::new("leader", name.into());
        let shared = Shared {
            calls: Calls::new(scope, &[Kind::NotLeader, Kind::LeadershipLost]),
            seat: Box::new(seat),
            min_remaining: DurationCell::new(config.min_remaining),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// A handle to change the settings of the services made, and to be made, by this layer.
    pub fn handle(&self) -> LeaderHandle {
        LeaderHandle {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S> Layer<S> for LeaderLayer {
    type Service = LeaderOnly<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LeaderOnly::new(inner, Arc::clone(&self.shared))
    }
}

/// Reads and changes the settings of a [`LeaderLayer`] while it is in use.
#[derive(Clone, Debug)]
pub struct LeaderHandle {
    shared: Arc<Shared>,
}

impl LeaderHandle {
    /// The settings in force.
    pub fn config(&self) -> LeaderConfig {
        LeaderConfig::default().min_remaining(self.shared.min_remaining.get())
    }

    /// Replaces the settings. Calls that have begun go on.
    ///
    /// # Errors
    /// When a setting is out of range; the old ones then stay.
    pub fn reconfigure(&self, config: LeaderConfig) -> Result<(), ConfigError> {
        config.validate(&self.shared.seat.timing())?;
        self.shared.min_remaining.set(config.min_remaining);
        let scope = self.shared.calls.scope();
        event(scope, "reconfigured", format_args!("{config:?}"));
        Ok(())
    }
}
