//! Every layer at once over real connections, at full rate, while the network fails: nothing may leak, and
//! no answer may be wrong.
//!
//! ```text
//! cargo run --release --example soak                       # ten seconds
//! cargo run --release --example soak -- --seconds 600      # as long as you like
//! cargo run --release --example soak -- --seed 7           # other faults
//! cargo run --release --example soak -- --json             # the last line is one JSON object
//! ```
//!
//! ```text
//! client: key, bulkhead, retry, breaker, timeout, trace, deadline, body timeout, hyper
//!    │
//! proxy: slow, reset, half-closed, garbage in place of a response, stalls in head and body
//!    │
//! server: axum, respond, trace, deadline, bulkhead, timeout, idempotency, handler
//! ```
//!
//! All three are in this process and on loopback. Callers ask as fast as they are answered; some leave
//! before that, and some send two copies of one request at once. Every two seconds comes a storm, in
//! which most exchanges fail, so that the circuit opens.
//!
//! # What is checked
//! - An answer is the one to its request: its nonce, its trace, and its body byte for byte.
//! - A key has one effect, however often its request was sent.
//! - What fails does so in a way that the faults explain, and not more often than connections were cut.
//! - A call ends soon after its deadline at the latest.
//! - Twenty times a second: tasks, file descriptors and resident memory stay within bounds of what they were
//!   in the warm-up; probes and keys within those that were set. Keys are counted every five seconds, since
//!   to count them is to forget those that have expired, which the store has to do by itself.
//! - At the end: no task and no descriptor more than before the load, and no permit, probe, execution or
//!   key left.
//!
//! It fails when one of these does not hold. What befalls an exchange depends on the seed, the connection
//! and the count of exchanges on it, so a seed repeats the faults; which request meets which one depends
//! on the scheduler.

#[path = "soak/caller.rs"]
mod caller;
#[path = "soak/census.rs"]
mod census;
#[path = "soak/client.rs"]
mod client;
#[path = "soak/faults.rs"]
mod faults;
#[path = "soak/ledger.rs"]
mod ledger;
#[path = "soak/proxy.rs"]
mod proxy;
#[path = "soak/server.rs"]
mod server;
#[path = "soak/tally.rs"]
mod tally;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tower::BoxError;

use caller::Caller;
use census::{Census, Sources};
use client::Client;
use faults::Faults;
use ledger::Ledger;
use server::Server;
use tally::Tally;

/// How many callers ask at once.
const CALLERS: u64 = 64;
/// How long a call may take.
const CALL: Duration = Duration::from_millis(600);
/// How long the server remembers a key. Nothing of a call may be on its way any more by then.
const RETENTION: Duration = Duration::from_secs(3);
/// How many keys it can remember.
const KEYS_MAX: usize = 100_000;
/// How many probes the circuit may send at once.
const PROBES_MAX: u8 = 5;
/// How often things are counted.
const TICK: Duration = Duration::from_millis(50);
/// How long what was begun may take to end when nobody calls any more.
const SETTLE: Duration = Duration::from_secs(10);

struct Arguments {
    seconds: u64,
    seed: u64,
    json: bool,
}

impl Arguments {
    fn read() -> Result<Self, BoxError> {
        let mut read = Self {
            seconds: 10,
            seed: 1,
            json: false,
        };
        let mut given = std::env::args().skip(1);
        while let Some(argument) = given.next() {
            let mut number = || given.next().ok_or(format!("{argument} needs a number"));
            match argument.as_str() {
                "--json" => read.json = true,
                "--seconds" => read.seconds = number()?.parse()?,
                "--seed" => read.seed = number()?.parse()?,
                other => return Err(format!("what is {other}?").into()),
            }
        }
        if read.seconds < 5 {
            return Err("under five seconds nothing is warm".into());
        }
        Ok(read)
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), BoxError> {
    let arguments = Arguments::read()?;
    let tally = Tally::default();
    let ledger = Ledger::new(CALLERS);
    let server = Server::start(ledger.clone(), tally.clone()).await?;
    let proxy = proxy::start(server.address, Faults::new(arguments.seed), tally.clone()).await?;
    // What is there already does not leak.
    let mut census = Census::before(Duration::from_secs(arguments.seconds))?;
    let client = Client::new(proxy)?;
    let sources = Sources {
        client: client.bulkhead.clone(),
        circuit: client.circuit.clone(),
        server: server.bulkhead,
        keys: server.keys,
        store: server.store,
    };

    let (seconds, seed) = (arguments.seconds, arguments.seed);
    println!("{seconds} s, seed {seed}, {CALLERS} callers");
    load(client, &ledger, &tally, &mut census, &sources, &arguments).await?;
    settle(&mut census, &sources).await?;

    tally.print();
    census.print();
    let growth = census.growth();
    let lost_too_often = tally.lost_too_often();
    if arguments.json {
        println!("{}", tally.json(&growth));
    }
    let mut faults = growth.faults();
    faults.extend(lost_too_often);
    if tally.wrong_count() > 0 {
        faults.push(format!("{} outcomes were wrong", tally.wrong_count()));
    }
    if tally.right() == 0 {
        faults.push("nothing was answered, so the load shows nothing".into());
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(faults.join("; ").into())
}

/// Has the callers ask until the time is over, and looks at everything meanwhile.
async fn load(
    client: Client,
    ledger: &Ledger,
    tally: &Tally,
    census: &mut Census,
    sources: &Sources,
    arguments: &Arguments,
) -> Result<(), BoxError> {
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let client = Arc::new(client);
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let (client, ledger) = (Arc::clone(&client), ledger.clone());
        let caller = Caller::new(number, arguments.seed, client, ledger, tally.clone());
        callers.spawn(caller.run(end));
    }
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < end {
        ticks.tick().await;
        census.look(sources, tally)?;
    }
    while let Some(ended) = callers.join_next().await {
        ended?;
    }
    // The last clone of the client goes here, and its connections with it.
    Ok(())
}

/// Waits until nothing is left of the load, for as long as that may take.
async fn settle(census: &mut Census, sources: &Sources) -> Result<(), BoxError> {
    let end = Instant::now() + SETTLE;
    while !census.after(sources)? && Instant::now() < end {
        sleep(TICK).await;
    }
    Ok(())
}
