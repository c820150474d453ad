//! A leader lock within one process: one of two nodes works at a time, and what is late is refused.
//!
//! ```text
//! cargo run --example leader_lock
//! ```
//!
//! One acceptor in the same process is as good as three, for they would end together. It needs no
//! quarantine, because its end is that of both nodes. `leader_worker` is the same over processes.

use std::time::Duration;

use mainstay::coordination::{
    AcceptorId, AcceptorService, BootClock, ElectionConfig, EphemeralTokenStore, FencingGate,
    LeaderElection, NodeId, QuorumConfig, QuorumLease, Timing, TimingConfig,
};
use tower::BoxError;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let timing = Timing::new(TimingConfig::default())?;
    let tokens = EphemeralTokenStore::new("report");
    let acceptor = AcceptorService::embedded("report", AcceptorId(1), timing, tokens, BootClock);
    let gate = FencingGate::in_memory(None);

    let node = |id| {
        let (acceptor, gate) = (acceptor.clone(), gate.clone());
        async move {
            let acceptors = [(AcceptorId(1), acceptor)];
            let lease =
                QuorumLease::new("report", NodeId(id), acceptors, QuorumConfig::new(timing))?;
            let config = ElectionConfig::default().sealing(gate.clone());
            let election = LeaderElection::new("report", lease, config)?;

            let guard = election.campaign().await?; // waits until this node leads
            let token = guard.token();
            let written = guard.run(async {
                let _permit = gate.enter(token).await?; // held while it writes
                tokio::time::sleep(Duration::from_millis(100)).await;
                println!("node {id} writes in term {token}");
                Ok::<_, BoxError>(())
            });
            written.await??;
            guard.resign(Duration::from_secs(1)).await; // the next one leads at once
            Ok::<_, BoxError>(token)
        }
    };
    let (one, other) = tokio::try_join!(node(1), node(2))?;

    let late = one.min(other);
    let refused = gate.enter(late).await.unwrap_err();
    println!("who comes late is told: {refused}");
    Ok(())
}
