//! Settings of the gate's layer.

use std::sync::Arc;

use tower::Layer;

use crate::coordination::gate::Beside;
use crate::coordination::{FencingGate, FencingToken, Stale};
use crate::error::Kind;
use crate::name::Name;
use crate::sync::Lock;
use crate::telemetry::{Calls, Counter, Gauge, Histogram, Metered, Scope, event};

use super::{Fencing, TokenField};

/// Puts a [`FencingGate`] before a service: a request comes in with the token of the leader that sent it,
/// and not when that leader's term is over. Makes [`Fencing`] services.
///
/// Use it on the resource's side, around the handlers of whatever a leader writes to. Do **not** use it on
/// the leader's own side in its place: a leader that was suspended does not know that its term is over.
///
/// ```
/// use http::{Request, Response};
/// use mainstay::coordination::{FencingGate, FencingLayer, FencingToken, Permit};
/// use mainstay::{Kind, StackError};
/// use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let gate = FencingGate::in_memory(None); // `durable`, where the resource outlives the process
/// let mut ledger = ServiceBuilder::new()
///     .layer(FencingLayer::new("ledger", gate))
///     .service_fn(|request: Request<()>| async move {
///         let permit = request.extensions().get::<Permit>();
///         let term = permit.ok_or("nobody was let in")?.token();
///         Ok::<_, BoxError>(Response::new(term)) // `UPDATE .. WHERE term <= $1`
///     });
///
/// let of_term = |number: u64| {
///     let mut request = Request::new(());
///     FencingToken::from_number(number).into_iter().for_each(|token| token.write(&mut request));
///     request
/// };
/// let answer = ledger.ready().await?.call(of_term(2)).await?;
/// assert_eq!(answer.into_body().number(), 2);
///
/// let error = ledger.ready().await?.call(of_term(1)).await.unwrap_err();
/// assert_eq!(error.rejection().map(|refusal| refusal.kind()), Some(Kind::StaleToken));
/// # Ok(())
/// # }
/// ```
///
/// # A new term
/// Its first request seals the gate: from its first poll on nothing older is let in, and it runs once
/// its term is recorded and everything older is out. So what a new leader reads stays as it is until it writes
/// itself, with no word on sealing between the two. [`beside_older`](Self::beside_older) gives that up.
///
/// The wait has no limit of its own, for nothing is safe that would cut it short but to end what is inside.
/// Bound both: a timeout or a deadline above this layer drops a call that waits, and ends one that runs. Where
/// a layer detaches its calls, as that of idempotency does, the timeout goes below that one: above it, it ends
/// nothing.
///
/// # What a permit covers
/// It is held from before the service is called until its future has ended, and been dropped. That is an
/// answer, an error, a panic, or a caller that has gone: **then the handler's future is dropped with its
/// effects half done, and what it had handed on (a statement to a database, a task, a blocking thread) goes
/// on without a permit**, unless it took one along: a clone of the [`Permit`](crate::coordination::Permit)
/// is attached to the request ([`TokenField`]). Or let the handler run to its end whoever leaves, in a task
/// of its own above this layer, as the `idempotency` layer does. A response's body that is still being
/// written is not covered: write what the term is to guard before the response.
///
/// The layer guards the resource that the handlers reach through it, in this process. Where the storage
/// itself can compare (`WHERE term <= $1`), let it, with the permit's token: that holds whatever goes on
/// without a permit.
///
/// # Refusals
/// | Kind | Executed | When |
/// |---|---|---|
/// | [`StaleToken`](Kind::StaleToken) | `No` | a later term has begun; the source is a [`Stale`], which says how high |
/// | [`TokenMissing`](Kind::TokenMissing) | `No` | the request has no token, and [`on_missing`](Self::on_missing) is [`OnMissing::Refuse`] |
/// | [`TokenMalformed`](Kind::TokenMalformed) | `No` | it is no number from 1 to 2⁶⁴ − 1 in plain digits, or there are two |
/// | [`TermUnrecorded`](Kind::TermUnrecorded) | `No` | the gate's store failed; the source is its [`StoreError`](crate::coordination::StoreError) |
///
/// None of them is retried by default. To send a stale token again cannot help. Over HTTP and gRPC the highest
/// token goes with the answer, in [`Stale::FIELD`].
///
/// # Anti-patterns
/// - To take tokens from anyone: the largest there is locks every leader out, for good where the gate is
///   durable. Authenticate first, above this layer.
/// - A retry that sends a request again after an election with the token from before it: read the token
///   below the retry.
/// - Requests that wait for one of a later term while they are inside: neither ends.
///
/// # In a stack
/// Innermost but for `error::layer()`: below what limits, gives up and detaches, so that a permit is held
/// for as long as the handler runs and no longer. Its service must be [`Clone`]; a call that waits is made
/// later, by the instance that was ready.
#[derive(Clone, Debug)]
pub struct FencingLayer<T = TokenField> {
    gate: FencingGate,
    shared: Arc<Shared>,
    entry: Entry,
    bearer: T,
}

/// What becomes of a request without a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnMissing {
    /// It is refused. The default.
    #[default]
    Refuse,
    /// It is let through and counted. No gate holds it, and no seal waits for it: for reads, and while the
    /// senders learn to send tokens.
    Pass,
}

/// Who comes in, and beside whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) on_missing: OnMissing,
    pub(super) beside: Beside,
}

/// What the services of one layer share.
#[derive(Debug)]
pub(super) struct Shared {
    calls: Calls,
    pub(super) in_flight: Gauge,
    pub(super) waiting: Gauge,
    pub(super) waited: Histogram,
    pub(super) unfenced: Counter,
    /// The floor under which a stale token was met last.
    said: Lock<Option<FencingToken>>,
}

impl Metered for Shared {
    fn calls(&self) -> &Calls {
        &self.calls
    }
}

impl Shared {
    pub(super) fn name(&self) -> Name {
        self.calls.scope().name()
    }

    /// Says of the first under each floor that it was stale: whoever does not stop is counted only.
    pub(super) fn say(&self, stale: Stale) {
        let before = self.said.lock().replace(stale.high());
        if before != Some(stale.high()) {
            let scope = self.calls.scope();
            event(scope, "a stale token was refused", format_args!("{stale}"));
        }
    }
}

impl FencingLayer {
    /// `gate` before what `name` names. A clone of it may be used beside the layer, to seal it and to see how
    /// it stands.
    pub fn new(name: impl Into<Name>, gate: FencingGate) -> Self {
        let scope = Scope::new("fencing", name.into());
        let kinds = [
            Kind::StaleToken,
            Kind::TokenMissing,
            Kind::TokenMalformed,
            Kind::TermUnrecorded,
        ];
        let shared = Shared {
            in_flight: scope.gauge("mainstay_fencing_in_flight"),
            waiting: scope.gauge("mainstay_fencing_waiting"),
            waited: scope.histogram("mainstay_fencing_wait_seconds"),
            unfenced: scope.counter("mainstay_fencing_unfenced_total"),
            calls: Calls::new(scope, &kinds),
            said: Lock::new(None),
        };
        Self {
            gate,
            shared: Arc::new(shared),
            entry: Entry {
                on_missing: OnMissing::Refuse,
                beside: Beside::Nothing,
            },
            bearer: TokenField,
        }
    }
}

impl<T> FencingLayer<T> {
    /// Says where a request carries its token.
    #[must_use]
    pub fn bearer<U>(self, bearer: U) -> FencingLayer<U> {
        FencingLayer {
            gate: self.gate,
            shared: self.shared,
            entry: self.entry,
            bearer,
        }
    }

    /// What becomes of a request without a token. Default [`OnMissing::Refuse`].
    #[must_use]
    pub const fn on_missing(mut self, on_missing: OnMissing) -> Self {
        self.entry.on_missing = on_missing;
        self
    }

    /// Lets the first requests of a term in while some of an older one are still inside. For leaders that
    /// [`seal`](FencingGate::seal) the gate themselves before they read, and for resources that compare
    /// tokens with every write. By default they wait.
    #[must_use]
    pub const fn beside_older(mut self) -> Self {
        self.entry.beside = Beside::Older;
        self
    }
}

impl<S, T: Clone> Layer<S> for FencingLayer<T> {
    type Service = Fencing<S, T>;

    fn layer(&self, inner: S) -> Self::Service {
        Fencing::new(
            inner,
            self.gate.clone(),
            Arc::clone(&self.shared),
            self.entry,
            self.bearer.clone(),
        )
    }
}
