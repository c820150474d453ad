//! The gate itself.

use std::future::poll_fn;
use std::sync::Arc;

use crate::coordination::{FencingToken, TokenStore};
use crate::sync::Lock;

use super::entering::{Beside, Entering};
use super::floor::Floor;
use super::shared::{Shared, Visitor, wake_all};
use super::{GateError, GateSnapshot, Permit};

/// Stands before one resource and lets in no term that is over.
///
/// A leader cannot know that its lease has ended while it was not running, and what it sent may arrive
/// at any time after. So the resource looks at the token itself: every access goes through
/// [`enter`](Self::enter), with the token of the leader that asks for it, and keeps its permit until it is
/// done. What a new leader does first is to [`seal`](Self::seal): then nothing older comes in any more,
/// and nothing older is inside, so what it reads next stays as it is until it writes itself.
///
/// ```
/// use mainstay::coordination::{FencingGate, FencingToken};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate = FencingGate::in_memory(None);
/// let (old, new) = (FencingToken::FIRST, FencingToken::from_number(2).unwrap());
///
/// let permit = gate.enter(old).await?;
/// // ... the old leader writes ...
/// drop(permit);
///
/// gate.seal(new).await?;
/// let error = gate.enter(old).await.unwrap_err();
/// assert_eq!(error.high(), Some(new));
/// # Ok(())
/// # }
/// ```
///
/// The check and the count are one critical section: no permit of an older term is given once the floor
/// is raised, and a seal has not returned while one is out. It guards what goes through it and in its
/// process; whoever reaches the resource by another way is not seen.
///
/// A token is believed: whoever may send any token can lock out every leader by sending the largest.
///
/// Clones are one gate.
#[derive(Clone, Debug)]
pub struct FencingGate {
    shared: Arc<Shared>,
}

impl FencingGate {
    /// Keeps its floor in memory, for a resource that ends with the process; or for one that keeps the
    /// highest token itself, which is then `high`.
    pub fn in_memory(high: Option<FencingToken>) -> Self {
        Self::with(Floor::new(high, false), None)
    }

    /// Keeps its floor in `store`. Whatever comes in after a restart, the floor is no lower than any
    /// token that was let in before it.
    pub fn durable(store: impl TokenStore) -> Self {
        let high = store.load().map(|record| record.token);
        Self::with(Floor::new(high, true), Some(Arc::new(store)))
    }

    fn with(floor: Floor, store: Option<Arc<dyn TokenStore>>) -> Self {
        let floor = Lock::new(floor);
        Self {
            shared: Arc::new(Shared { floor, store }),
        }
    }

    /// Lets in what is of the highest term, or of a higher one; that raises the floor.
    ///
    /// The first of a term waits until a durable gate has recorded it, on a thread that may block;
    /// outside a runtime of tokio it blocks this one. From then on it does not wait.
    ///
    /// # Errors
    /// [`GateError::Stale`] when a later term has begun, [`GateError::Store`] when the term could not be
    /// recorded.
    ///
    /// # Cancel safety
    /// Dropped, it holds nothing and waits for nothing. The floor may have been raised.
    pub async fn enter(&self, token: FencingToken) -> Result<Permit, GateError> {
        match self.try_enter(token) {
            Err(GateError::Unrecorded) => {}
            now => return now,
        }
        let mut entering = self.entering(token, Beside::Older);
        poll_fn(|cx| entering.poll(cx)).await
    }

    /// Like [`enter`](Self::enter), where nothing may wait.
    ///
    /// # Errors
    /// [`GateError::Stale`], or [`GateError::Unrecorded`] when nobody has entered or sealed with this
    /// term yet and the gate is durable. Then the floor stays.
    pub fn try_enter(&self, token: FencingToken) -> Result<Permit, GateError> {
        let woken = self.shared.floor.lock().admit(token)?;
        wake_all(woken);
        Ok(Permit::new(Arc::clone(&self.shared), token))
    }

    /// Raises the floor when it is first polled: from then on nothing older is let in. Returns when the
    /// term is recorded and every permit of an older one was given back.
    ///
    /// It waits for as long as an older permit is out. There is no safe way to hurry: whoever puts a
    /// limit to the wait has to give up the resource.
    ///
    /// # Errors
    /// [`GateError::Stale`] when a later term has begun, before or meanwhile; [`GateError::Store`] when
    /// the term could not be recorded.
    ///
    /// # Cancel safety
    /// Dropped, it waits for nothing. The floor stays where it was raised to; to seal again is harmless.
    pub async fn seal(&self, token: FencingToken) -> Result<(), GateError> {
        let mut visitor = Visitor::new(&self.shared);
        let drained = |floor: &mut Floor| floor.is_drained().then_some(());
        poll_fn(|cx| visitor.poll(token, cx, drained)).await
    }

    /// How the gate stands.
    pub fn snapshot(&self) -> GateSnapshot {
        self.shared.floor.lock().snapshot()
    }

    /// Like [`try_enter`](Self::try_enter), for a layer. [`GateError::Unrecorded`] also where older ones
    /// are inside and must not be.
    pub(in crate::coordination) fn try_enter_beside(
        &self,
        token: FencingToken,
        beside: Beside,
    ) -> Result<Permit, GateError> {
        let mut floor = self.shared.floor.lock();
        if beside == Beside::Nothing && !floor.would_be_alone(token) {
            floor.check(token)?;
            return Err(GateError::Unrecorded);
        }
        let woken = floor.admit(token)?;
        drop(floor);
        wake_all(woken);
        Ok(Permit::new(Arc::clone(&self.shared), token))
    }

    /// A visit that comes in when it may, in parts.
    pub(in crate::coordination) fn entering(
        &self,
        token: FencingToken,
        beside: Beside,
    ) -> Entering {
        Entering::new(&self.shared, token, beside)
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests;

#[cfg(all(test, mainstay_loom))]
mod loom_tests;
