//! That the layer asks its budget, and what it tells it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use mainstay::retry::{
    Budget, ConcurrencyBudget, Receipt, RetryConfig, Stop, ThrottleBudget, TokenBudget, Unlimited,
    WindowedBudget, WindowedConfig,
};
use mainstay::{Failure, Outcome, Ratio};
use tokio::time::Instant;
use tower::{Layer, ServiceExt};

use crate::kit::*;
use crate::stops::stops;

fn quick() -> RetryConfig {
    exact().base(Duration::ZERO)
}

/// Writes down all that it is told; pays or not.
#[derive(Debug, Default)]
struct Ledger {
    pays: bool,
    lines: Mutex<Vec<String>>,
}

impl Ledger {
    fn write(&self, line: impl Into<String>) {
        self.lines.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

fn note(receipt: Option<Receipt>) -> String {
    receipt.map_or("first".into(), |receipt| receipt.note().to_string())
}

impl Budget for Ledger {
    fn enter(&self) {
        self.write("enter");
    }

    fn withdraw(&self, _now: Instant, failure: Option<Failure>) -> Option<Receipt> {
        assert!(failure.unwrap().is_transient());
        self.write("withdraw");
        self.pays.then(|| Receipt::new(7))
    }

    fn refund(&self, receipt: Receipt) {
        self.write(format!("refund {}", receipt.note()));
    }

    fn settle(&self, paid: Option<Receipt>, outcome: Outcome) {
        let word = match outcome {
            Outcome::Success => "ok",
            Outcome::Failure(_) => "failed",
            _ => "ignored",
        };
        self.write(format!("settle {} {word}", note(paid)));
    }

    fn leave(&self) {
        self.write("leave");
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_refuses_leaves_one_attempt_and_its_result() {
    let server = Server::new([answer(Failure::overload())]);
    let ledger = Arc::new(Ledger::default());
    let layer = layer(quick()).budget(Arc::clone(&ledger));
    let service = layer.layer(server.handle());
    let said = service.oneshot(Request::default()).await.unwrap();
    assert_eq!(said.meaning, Outcome::Failure(Failure::overload()));
    assert_eq!(server.calls(), 1);
    assert_eq!(stops(&layer.handle()), [(Stop::Budget, 1)]);
    assert_eq!(
        ledger.lines(),
        ["enter", "settle first failed", "withdraw", "leave"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_budget_hears_of_each_call_once_and_of_each_attempt_once() {
    let ledger = Arc::new(Ledger {
        pays: true,
        ..Ledger::default()
    });
    let run = |steps: Vec<Step>| {
        let service = layer(quick())
            .budget(Arc::clone(&ledger))
            .layer(Server::new(steps));
        service.oneshot(Request::default())
    };
    drop(run(vec![OK]).await);
    assert_eq!(ledger.lines(), ["enter", "settle first ok", "leave"]);
    drop(run(vec![fail(), OK]).await);
    assert_eq!(
        ledger.lines(),
        [
            "enter",
            "settle first failed",
            "withdraw",
            "settle 7 ok",
            "leave"
        ]
    );
    let permanent = Step::Fail(Failure::permanent());
    drop(run(vec![permanent]).await);
    assert_eq!(ledger.lines(), ["enter", "settle first failed", "leave"]);
    let slow = layer(exact()).budget(Arc::clone(&ledger));
    let call = slow.layer(Server::failing()).oneshot(Request::default());
    assert!(tokio::time::timeout(MS, call).await.is_err());
    assert_eq!(
        ledger.lines(),
        [
            "enter",
            "settle first failed",
            "withdraw",
            "refund 7",
            "leave"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_handed_through_is_none_of_its_budgets() {
    let ledger = Arc::new(Ledger::default());
    let inner = layer(quick()).budget(Arc::clone(&ledger));
    let service = layer(quick()).layer(inner.layer(Server::failing()));
    drop(service.oneshot(Request::default()).await);
    assert!(ledger.lines().is_empty());
}

async fn call_all(count: usize, layer: &mainstay::retry::RetryLayer<Meaning>, server: &Server) {
    let call = |_| layer.layer(server.handle()).oneshot(Request::default());
    drop(join_all((0..count).map(call)).await);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_failing_calls_send_a_fifth_more_and_the_floor() {
    let server = Server::failing();
    call_all(1000, &layer(quick()), &server).await;
    let sent = server.calls();
    assert!((1200..=1300).contains(&sent), "{sent}");

    let server = Server::failing();
    call_all(1000, &layer(quick()).budget(Unlimited), &server).await;
    assert_eq!(server.calls(), 3000, "what the budget is there for");
}

#[tokio::test(start_paused = true)]
async fn a_lasting_outage_is_sent_a_fifth_more_and_ten_a_second() {
    let server = Server::failing();
    let layer = layer(RetryConfig::default());
    for _ in 0..60 {
        // One second of 100 calls.
        for _ in 0..10 {
            call_all(10, &layer, &server).await;
            tokio::time::sleep(10 * MS).await;
        }
    }
    let (sent, seconds) = (
        server.calls(),
        server.call_times().last().unwrap().as_secs(),
    );
    let bound = 6000 + 1200 + 10 * (usize::try_from(seconds).unwrap() + 10);
    assert!(sent <= bound, "{sent} {bound}");
    assert!(sent > 6000 + 600, "{sent}");
}

#[tokio::test(start_paused = true)]
async fn what_succeeds_after_a_retry_earns_no_more_than_what_succeeds_at_once() {
    // Half of all attempts fail: peers that pay per success never run dry here.
    let server = Server::new((0..9000).map(|n| if n % 2 == 0 { fail() } else { OK }));
    let floorless = WindowedConfig::default().floor(0);
    let layer = layer(quick()).budget(WindowedBudget::new(floorless).unwrap());
    for _ in 0..1000 {
        drop(
            layer
                .layer(server.handle())
                .oneshot(Request::default())
                .await,
        );
    }
    assert!(server.calls() <= 1200, "{}", server.calls());
}

#[tokio::test(start_paused = true)]
async fn two_layers_that_share_a_budget_share_its_money() {
    let only_floor = WindowedConfig::default().ratio(Ratio::ZERO).floor(1);
    let budget = Arc::new(WindowedBudget::new(only_floor).unwrap());
    let one = layer(quick()).budget(Arc::clone(&budget));
    let two = layer(quick()).budget(Arc::clone(&budget));
    let server = Server::failing();
    call_all(4, &one, &server).await;
    assert_eq!(budget.balance(), 2);
    call_all(4, &two, &server).await;
    assert_eq!(budget.balance(), 0);
    assert_eq!(one.handle().snapshot().further_attempts(), 8);
    assert_eq!(two.handle().snapshot().further_attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn services_of_one_layer_share_its_own_budget_and_other_layers_do_not() {
    let (one, two) = (layer(quick()), layer(quick()));
    let server = Server::failing();
    call_all(1000, &one, &server).await;
    call_all(1000, &one.clone(), &server).await;
    let both = one.handle().snapshot().further_attempts();
    assert!(both <= 400 + 100, "{both}");
    call_all(10, &two, &server).await;
    assert_eq!(two.handle().snapshot().further_attempts(), 20);
}

#[tokio::test(start_paused = true)]
async fn the_other_budgets_bound_an_outage_too() {
    let server = Server::failing();
    call_all(
        1000,
        &layer(quick()).budget(TokenBudget::default()),
        &server,
    )
    .await;
    assert_eq!(server.calls(), 1035);
    let server = Server::failing();
    call_all(
        1000,
        &layer(quick()).budget(ThrottleBudget::default()),
        &server,
    )
    .await;
    assert_eq!(
        server.calls(),
        1003,
        "the fifth failure is the last to count"
    );
    let server = Server::failing();
    let budget = Arc::new(ConcurrencyBudget::default());
    call_all(1000, &layer(exact()).budget(Arc::clone(&budget)), &server).await;
    let sent = server.calls();
    assert!(sent <= 1000 + 2 * 200, "{sent}");
    assert_eq!((budget.calls(), budget.extras()), (0, 0));
}
