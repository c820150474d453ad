//! The way to an acceptor through this crate's own layers.

use std::time::Duration;

use mainstay::breaker::{BreakerConfig, BreakerHandle, BreakerLayer, State};
use mainstay::coordination::{
    AcceptorId, AcceptorService, LeaseStore, NodeId, QuorumLease, TokioClock,
};
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use tokio::time::{Instant, sleep};
use tower::ServiceBuilder;

use super::kit::*;

/// Of a call; below the tenth of the ttl after which it would be asked again.
const LIMIT: Duration = Duration::from_millis(50);

macro_rules! stacked {
    ($node:expr, $lines:expr, $config:expr) => {{
        let mut breakers = Vec::new();
        let ways: Vec<_> = $lines
            .iter()
            .map(|line: &Line| {
                let name = format!("acceptor {}", line.acceptor.id().0);
                let retry = RetryConfig::default().attempts(2).base(MS);
                let breaker =
                    BreakerLayer::new(&name, BreakerConfig::default().volume_min(5)).unwrap();
                breakers.push(breaker.handle());
                let way = ServiceBuilder::new()
                    .layer(RetryLayer::new(&name, retry).unwrap())
                    .layer(breaker)
                    .layer(TimeoutLayer::new(&name, TimeoutConfig::default().limit(LIMIT)).unwrap())
                    .service(line.clone());
                (line.acceptor.id(), way)
            })
            .collect();
        let lease = QuorumLease::new(RESOURCE, NodeId($node), ways, $config).unwrap();
        (lease, breakers)
    }};
}

fn is_closed(breaker: &BreakerHandle) -> bool {
    breaker.state() == State::Closed
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_cut_off_and_asked_again_and_its_breaker_opens() {
    let net = Net::new(3);
    let lines: Vec<_> = net.acceptors.iter().cloned().map(Line::new).collect();
    let (mut one, breakers) = stacked!(1, lines, config().wait(LIMIT / 2));
    one.acquire(None).await.unwrap();
    for way in [Way::Hangs, Way::SwallowsReply, Way::Fails] {
        lines[0].set(way);
        for _ in 0..3 {
            sleep(300 * MS).await;
            one.renew().await.unwrap();
        }
    }
    assert!(!is_closed(&breakers[0]), "it has failed often enough");
    assert!(is_closed(&breakers[1]) && is_closed(&breakers[2]));
    // Two that lose replies, for a while: the same attempt asks again.
    lines[0].set(Way::Through);
    lines[1].set(Way::SwallowsReply);
    lines[2].set(Way::SwallowsReply);
    let heal = async {
        sleep(200 * MS).await;
        lines[1].set(Way::Through);
        lines[2].set(Way::Through);
    };
    let (renewed, ()) = tokio::join!(one.renew(), heal);
    renewed.unwrap();
    one.release().await;
}

#[tokio::test(start_paused = true)]
async fn silence_and_a_long_wait_are_no_failures() {
    let clock = TokioClock::new();
    let lines = [1, 2, 3].map(|id| {
        Line::new(AcceptorService::new(
            RESOURCE,
            AcceptorId(id),
            timing(),
            store(),
            clock,
        ))
    });
    let (mut one, of_one) = stacked!(1, lines, config());
    let start = Instant::now();
    while one.acquire(None).await.is_err() {}
    assert!(start.elapsed() >= timing().quarantine());
    let (mut two, of_two) = stacked!(2, lines, config().wait(LIMIT / 2));
    for _ in 0..3 {
        assert!(two.acquire(None).await.is_err());
        let waited = tokio::time::timeout(300 * MS, two.freed()).await;
        assert!(waited.is_err());
        one.renew().await.unwrap();
    }
    assert!(of_one.iter().chain(&of_two).all(is_closed));
    assert!(lines[0].seen().len() > 30);
    one.release().await;
}
