//! A leader, over a store that grants whatever is asked.

use std::sync::Arc;

use mainstay::coordination::{
    AcquireError, BootClock, Clock, ElectionConfig, FencingToken, Grant, LeaderElection,
    LeaseGuard, LeaseStore, RenewError, Safety, Timing, TimingConfig,
};
use tokio::runtime::Runtime;

struct Generous;

impl Generous {
    fn grant(&self) -> Grant {
        let ends = BootClock.now().after(self.timing().ttl());
        Grant {
            token: FencingToken::FIRST,
            usable_until: ends.before(self.timing().margin()),
            ends,
        }
    }
}

impl LeaseStore for Generous {
    const SAFETY: Safety = Safety::Advisory;

    fn timing(&self) -> Timing {
        let hour = std::time::Duration::from_secs(3600);
        Timing::new(TimingConfig::default().ttl(hour)).expect("an hour is in the range")
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(BootClock)
    }

    async fn acquire(&mut self, _floor: Option<FencingToken>) -> Result<Grant, AcquireError> {
        Ok(self.grant())
    }

    async fn renew(&mut self) -> Result<Grant, RenewError> {
        Ok(self.grant())
    }

    async fn release(&mut self) {}
}

pub(crate) fn leader(runtime: &Runtime) -> LeaseGuard {
    runtime.block_on(async {
        let election = LeaderElection::new("bench", Generous, ElectionConfig::default());
        let election = election.expect("there is a runtime");
        election.campaign().await.expect("it is granted")
    })
}
