//! One storm, two clients.
//!
//! A real HTTP upstream of bounded capacity on loopback goes through five phases: healthy, slow,
//! 30 % errors, a full stall, and whatever comes after. The same traffic goes through (a) the usual
//! client, a timeout and three immediate retries, and (b) a stack of bulkhead, retry with a budget,
//! circuit breaker and timeout, each against its own copy of the upstream.
//!
//! The stall is long enough to be metastable: when it ends, the upstream's queue is full of work
//! whose clients have gone, and the retries of (a) keep it full.
//!
//! While 30 % of the answers are errors, (a) comes out ahead: it mends them all, at 1.4 times the
//! load, where the budget of (b) pays for a fifth more. The same retries are what (a) then dies of.
//!
//! ```text
//! cargo run --release --example storm            # about 45 s
//! cargo run --release --example storm -- --json  # the last line is one JSON object
//! ```

#[path = "storm/clients.rs"]
mod clients;
#[path = "storm/record.rs"]
mod record;
#[path = "storm/report.rs"]
mod report;
#[path = "storm/upstream.rs"]
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tower::BoxError;

use clients::Caller;
use record::{Record, STEP, STEPS};
use report::Report;
use upstream::{Upstream, Weather};

/// Calls a second, for each client.
const OFFERED: u32 = 200;

/// The phases, and how many seconds each lasts.
const PHASES: [(&str, Weather, usize); 5] = [
    ("healthy", Weather::Healthy, 6),
    ("slow", Weather::Slow, 5),
    ("30% errors", Weather::Errors, 6),
    ("stall", Weather::Stalled, 8),
    ("recovery", Weather::Healthy, 20),
];

/// One client, its upstream and what happened.
struct Contender {
    caller: Caller,
    upstream: Arc<Upstream>,
    record: Arc<Record>,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let json = std::env::args().any(|argument| argument == "--json");
    let seconds: usize = PHASES.iter().map(|(_, _, seconds)| seconds).sum();

    let (naive_upstream, naive_uri) = Upstream::start().await?;
    let (stack_upstream, stack_uri) = Upstream::start().await?;
    let (stack, breaker) = Caller::mainstay(stack_uri)?;
    let started = Instant::now();
    let record = || Arc::new(Record::new(started, seconds));
    let contenders = [
        Contender {
            caller: Caller::naive(naive_uri),
            upstream: naive_upstream,
            record: record(),
        },
        Contender {
            caller: stack,
            upstream: stack_upstream,
            record: record(),
        },
    ];

    let transitions = report::transitions(breaker.watch(), started);
    for contender in &contenders {
        offer(contender, started, seconds);
        count_received(contender, started, seconds);
    }

    println!("{OFFERED} calls a second for {seconds} s through each client");
    let report = Report::new(contenders.each_ref().map(|one| Arc::clone(&one.record)));
    let mut second: u32 = 0;
    for (phase, weather, length) in PHASES {
        for contender in &contenders {
            contender.upstream.set(weather);
        }
        for _ in 0..length {
            second += 1;
            // A moment later, when the count of its last step is in.
            sleep_until(started + Duration::from_secs(1) * second + Duration::from_millis(50))
                .await;
            report.progress(phase, second, &breaker);
        }
    }
    report.table(&transitions);
    if json {
        println!("{}", report.json());
    }
    Ok(())
}

/// Calls at a steady rate, whatever becomes of the calls before.
fn offer(contender: &Contender, started: Instant, seconds: usize) {
    let (caller, record) = (contender.caller.clone(), Arc::clone(&contender.record));
    tokio::spawn(async move {
        let mut ticks = interval_at(started, Duration::from_secs(1) / OFFERED);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for _ in 0..OFFERED as usize * seconds {
            ticks.tick().await;
            let (mut caller, record) = (caller.clone(), Arc::clone(&record));
            let begun = Instant::now();
            record.offered(begun);
            tokio::spawn(async move {
                if caller.call().await {
                    let answered = Instant::now();
                    record.good(answered, answered - begun);
                }
            });
        }
    });
}

/// Reads the upstream's own count at the end of each step.
fn count_received(contender: &Contender, started: Instant, seconds: usize) {
    let (upstream, record) = (
        Arc::clone(&contender.upstream),
        Arc::clone(&contender.record),
    );
    tokio::spawn(async move {
        let mut before = upstream.received();
        let mut end = started;
        for _ in 0..seconds * STEPS {
            end += STEP;
            sleep_until(end).await;
            let received = upstream.received();
            record.received(end - STEP, received - before);
            before = received;
        }
    });
}
