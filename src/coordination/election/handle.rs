//! The handles of an election.

use std::fmt;
use std::sync::mpsc::sync_channel;
use std::thread;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot, watch};

use crate::coordination::LeaseStore;
use crate::error::ConfigError;
use crate::name::Name;

use super::board::Board;
use super::driver::{Campaign, Driver};
use super::seal::Seal;
use super::{CampaignError, ElectionConfig, Leadership, LeadershipWatch, LeaseGuard};

/// So many campaigns stand in line where the driver sees them; the others wait, in order, for a place.
const LINE: usize = 16;

/// Campaigns for the lease of one resource, renews it while it leads, and says how it stands.
///
/// ```
/// use mainstay::coordination::{ElectionConfig, LeaderElection, LeadershipLost};
/// # use mainstay::coordination::{
/// #     AcquireError, BootClock, Clock, FencingToken, Grant, LeaseStore, RenewError, Safety, Timing, TimingConfig,
/// # };
/// # use std::sync::Arc;
/// # struct Alone(FencingToken);
/// # impl Alone {
/// #     fn grant(&self) -> Grant {
/// #         let ends = BootClock.now().after(self.timing().ttl());
/// #         Grant { token: self.0, usable_until: ends.before(self.timing().margin()), ends }
/// #     }
/// # }
/// # impl LeaseStore for Alone {
/// #     const SAFETY: Safety = Safety::Advisory;
/// #     fn timing(&self) -> Timing { Timing::new(TimingConfig::default()).expect("the default") }
/// #     fn clock(&self) -> Arc<dyn Clock> { Arc::new(BootClock) }
/// #     async fn acquire(&mut self, _: Option<FencingToken>) -> Result<Grant, AcquireError> { Ok(self.grant()) }
/// #     async fn renew(&mut self) -> Result<Grant, RenewError> { Ok(self.grant()) }
/// #     async fn release(&mut self) {}
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = Alone(FencingToken::FIRST);
/// let election = LeaderElection::new("billing", store, ElectionConfig::default())?;
///
/// let guard = election.campaign().await?; // waits until this node leads
/// let token = guard.token(); // goes along with whatever is written
/// let written = guard.run(async move { token.number() }).await;
/// assert_eq!(written, Ok(1));
///
/// let term = guard.term().clone();
/// drop(guard); // resigns
/// assert!(!term.is_valid());
/// let late: Result<(), LeadershipLost> = term.run(async { unreachable!() }).await;
/// assert_eq!(late.unwrap_err().token(), token);
/// # Ok(())
/// # }
/// ```
///
/// A task does that, or a [thread](ElectionConfig::own_thread). It ends, and gives back what it holds,
/// when all handles and the guard that was won by them are gone. Clones are one election.
#[derive(Clone)]
pub struct LeaderElection {
    name: Name,
    campaigns: mpsc::Sender<Campaign>,
    watch: LeadershipWatch,
}

impl LeaderElection {
    /// An election over `store`, called `name` in metrics and events. It does nothing before somebody
    /// [campaigns](Self::campaign).
    ///
    /// Its runtime needs time enabled.
    ///
    /// # Errors
    /// When it is made outside a runtime of tokio and has no thread of its own, or the thread cannot be
    /// started.
    pub fn new<S: Seal>(
        name: impl Into<Name>,
        store: impl LeaseStore,
        config: ElectionConfig<S>,
    ) -> Result<Self, ConfigError> {
        let name = name.into();
        let (campaigns, line) = mpsc::channel(LINE);
        let (sender, receiver) = watch::channel(Leadership::Follower { leader: None });
        let (timing, has_own_thread) = (store.timing(), config.has_own_thread);
        let board = Board::new(name.clone(), sender);
        let driver = Driver::new(store, config, board, line);
        if has_own_thread {
            start(driver.run())?;
        } else {
            let runtime = Handle::try_current();
            let runtime = runtime.map_err(|error| {
                ConfigError::new("runtime", error, "one of tokio, or `own_thread`")
            })?;
            drop(runtime.spawn(driver.run()));
        }
        Ok(Self {
            name,
            campaigns,
            watch: LeadershipWatch::new(receiver, timing),
        })
    }

    /// Waits until this node leads. Campaigns of one election stand in line, in the order in which they
    /// were first polled, and each wins a term of its own: the next begins when the guard of the one
    /// before it has gone, or its term was lost.
    ///
    /// # Errors
    /// See [`CampaignError`]. As long as the lease is taken, or cannot be had, this waits.
    ///
    /// # Cancel safety
    /// Dropped, the place in line is left, and what may have been granted is given back.
    pub async fn campaign(&self) -> Result<LeaseGuard, CampaignError> {
        let (reply, answer) = oneshot::channel();
        let campaign = Campaign { reply };
        let stopped = |_| CampaignError::Stopped;
        self.campaigns.send(campaign).await.map_err(stopped)?;
        answer.await.unwrap_or(Err(CampaignError::Stopped))
    }

    /// Watches how this node stands. A watch does not keep the election going.
    pub fn watch(&self) -> LeadershipWatch {
        self.watch.clone()
    }

    /// How this node stands now: [`Leadership::term`] has what remains of its lease.
    pub fn leadership(&self) -> Leadership {
        self.watch().latest().clone()
    }
}

fn start(driver: impl Future<Output = ()> + Send + 'static) -> Result<(), ConfigError> {
    let impossible = |error| ConfigError::new("own_thread", error, "possible");
    let (sender, receiver) = sync_channel::<Runtime>(1);
    // First, because a runtime that it could not take along would be dropped here: a panic where this is
    // called in another.
    let thread = thread::Builder::new().name("mainstay-election".to_owned());
    let started = thread.spawn(move || {
        if let Ok(runtime) = receiver.recv() {
            runtime.block_on(driver);
        }
    });
    drop(started.map_err(impossible)?);
    let runtime = Builder::new_current_thread().enable_all().build();
    // It waits for that alone.
    _ = sender.send(runtime.map_err(impossible)?);
    Ok(())
}

impl fmt::Debug for LeaderElection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaderElection")
            .field("name", &self.name)
            .field("leadership", &self.leadership())
            .finish_non_exhaustive()
    }
}
