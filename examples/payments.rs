//! Charges made against charges intended, while everything goes wrong.
//!
//! A service of axum on loopback charges cards in a ledger. Its handlers are slow, stall, fail, panic
//! before and after the charge, and three times the whole server is killed in the middle of it. Its clients give
//! up on answers, come back with the same key, send copies at the same time, and repeat what failed. Each
//! payment is to be charged once.
//!
//! ```text
//! cargo run --release --example payments               # with the layer: equal, always
//! cargo run --release --example payments -- --without  # the same load without it
//! cargo run --release --example payments -- --seed 7   # other mishaps
//! cargo run --release --example payments -- --json     # the last line is one JSON object
//! ```
//!
//! The ledger knows nothing of keys and charges whatever it is told to: what keeps charges single is the
//! layer, and what the client does with its answers. It fails when a payment is charged twice or not at
//! all, and `--without` fails when none is charged twice.
//!
//! # What is not known
//! A handler that panics or is killed may have charged or not, and no layer can tell. So its key answers
//! `outcome_unknown` from the end of its lease on, and nothing runs under it again. The client does what
//! a client of payments does then: it asks for the payment, and only where that is not charged it pays
//! under a new key. Nothing may come of the old one any more by then, and two things see to that: the
//! handler charges only while it has its lease, and the ledger answers in the order in which it was asked.
//!
//! # What is killed
//! The server: its threads, its connections and all of its handlers, wherever they are. Its keys stay, as
//! they would in a store of another process; the next server finds them under the same name. Were they
//! to die with it, as a [`MemoryStore`](mainstay::idempotency::MemoryStore) does with its process, the
//! first repeat after a restart would charge again. That is what a durable store is for.

#[path = "payments/client.rs"]
mod client;
#[path = "payments/ledger.rs"]
mod ledger;
#[path = "payments/mishaps.rs"]
mod mishaps;
#[path = "payments/report.rs"]
mod report;
#[path = "payments/server.rs"]
mod server;

use std::time::Duration;

use futures::StreamExt as _;
use mainstay::idempotency::{MemoryStore, MemoryStoreConfig};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tower::BoxError;

use client::Client;
use ledger::Ledger;
use mishaps::Mishaps;
use report::{Audit, Tally};
use server::{Desk, Server};

const PAYMENTS: u64 = 400;
/// How many of them are under way at once.
const CLIENTS: usize = 64;
/// The server is killed when so many are done.
const KILLS: [u64; 3] = [PAYMENTS / 4, PAYMENTS / 2, PAYMENTS * 3 / 4];
/// How long nobody serves then. Who connects meanwhile waits.
const DOWN: Duration = Duration::from_millis(100);
/// Past this, something hangs.
const TIME_MAX: Duration = Duration::from_secs(60);

/// One card to be charged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payment {
    id: u64,
    cents: u64,
}

impl Payment {
    const fn numbered(id: u64) -> Self {
        let cents = 100 + id * 7919 % 10_000;
        Self { id, cents }
    }
}

struct Arguments {
    seed: u64,
    without: bool,
    json: bool,
}

impl Arguments {
    fn read() -> Result<Self, BoxError> {
        let mut read = Self {
            seed: 1,
            without: false,
            json: false,
        };
        let mut given = std::env::args().skip(1);
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--without" => read.without = true,
                "--json" => read.json = true,
                "--seed" => read.seed = given.next().ok_or("--seed needs a number")?.parse()?,
                other => return Err(format!("what is {other}?").into()),
            }
        }
        Ok(read)
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments = Arguments::read()?;
    let (mishaps, tally) = (Mishaps::seeded(arguments.seed), Tally::default());
    let (ledger, book) = Ledger::open()?;
    let store = MemoryStore::new(MemoryStoreConfig::default())?;
    let store = (!arguments.without).then_some(store);
    let desk = Desk::new(ledger, mishaps.clone(), tally.clone());
    let mut server = Server::bind(desk, store)?;
    let client = Client::new(server.uri(), mishaps, tally.clone())?;

    let with = if arguments.without { "without" } else { "with" };
    println!(
        "{PAYMENTS} payments, seed {}, {with} the layer",
        arguments.seed
    );
    let receipts = timeout(TIME_MAX, load(&client, &mut server, &tally)).await??;
    server.stop().await?;

    let audit = Audit::of(&book.close()?, &receipts);
    tally.print();
    audit.print();
    if arguments.json {
        println!("{}", audit.json(tally.replayed()));
    }
    audit.check(arguments.without).map_err(BoxError::from)
}

/// Makes all payments while the server is killed now and then, and gives the receipts.
async fn load(
    client: &Client,
    server: &mut Server,
    tally: &Tally,
) -> Result<Vec<(Payment, u64)>, BoxError> {
    let (done, seen) = watch::channel(0);
    let paying = futures::stream::iter((0..PAYMENTS).map(Payment::numbered))
        .map(async |payment| {
            let receipt = client.pay(payment).await?;
            done.send_modify(|done| *done += 1);
            Ok::<_, BoxError>((payment, receipt))
        })
        .buffer_unordered(CLIENTS)
        .collect::<Vec<_>>();
    let (paid, killed) = tokio::join!(paying, kill(server, seen, tally));
    killed?;
    // Copies on their way may still charge something.
    client.copies_ended().await?;
    paid.into_iter().collect()
}

async fn kill(
    server: &mut Server,
    mut done: watch::Receiver<u64>,
    tally: &Tally,
) -> Result<(), BoxError> {
    for mark in KILLS {
        done.wait_for(|done| *done >= mark).await?;
        server.kill().await?;
        tally.count("server: killed");
        sleep(DOWN).await;
        server.start()?;
    }
    Ok(())
}
