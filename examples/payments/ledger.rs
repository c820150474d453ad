//! The ledger: a file to which each charge is written and flushed before it is said to be made.
//!
//! It is a thread of its own, as a card network is a system of its own: what it was told to charge it
//! charges, whatever becomes of who told it, and it answers in the order in which it was asked. A file
//! and not a database, since nothing here is asked of a database but to keep a line: so nothing in C has
//! to be compiled. And nothing in it refuses a second charge of one payment.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::Payment;

/// One line of the ledger; its number is the receipt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge {
    pub(crate) receipt: u64,
    pub(crate) payment: Payment,
}

enum Order {
    Charge(Payment, oneshot::Sender<Charge>),
    Find(u64, oneshot::Sender<Option<Charge>>),
}

/// Asks for charges. The thread ends with the last of these.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    orders: Sender<Order>,
}

/// The file and its thread.
#[derive(Debug)]
pub(crate) struct Book {
    path: PathBuf,
    thread: JoinHandle<io::Result<()>>,
}

impl Ledger {
    /// An empty ledger in a new file.
    pub(crate) fn open() -> io::Result<(Self, Book)> {
        let name = format!("mainstay-payments-{}.ledger", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = File::create(&path)?;
        let (orders, received) = channel();
        let thread = std::thread::spawn(move || keep(file, &received));
        Ok((Self { orders }, Book { path, thread }))
    }

    /// Charges. It is told at once, and cannot be told otherwise; the answer comes when it is on disk.
    pub(crate) async fn charge(&self, payment: Payment) -> Option<Charge> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(Order::Charge(payment, reply)).ok()?;
        answer.await.ok()
    }

    /// The first charge of a payment, of all those that were asked for before. The outer `None` is a
    /// ledger that does not answer.
    pub(crate) async fn find(&self, payment: u64) -> Option<Option<Charge>> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(Order::Find(payment, reply)).ok()?;
        answer.await.ok()
    }
}

/// Takes all the orders that have come, writes their charges, flushes once, and answers.
fn keep(mut file: File, orders: &Receiver<Order>) -> io::Result<()> {
    let mut first: HashMap<u64, Charge> = HashMap::new();
    let mut receipt = 0;
    while let Ok(order) = orders.recv() {
        let (mut lines, mut answers) = (Vec::new(), Vec::<Box<dyn FnOnce()>>::new());
        for order in std::iter::once(order).chain(orders.try_iter()) {
            // Nobody waits any more for an answer that cannot be sent.
            match order {
                Order::Charge(payment, reply) => {
                    receipt += 1;
                    let charge = Charge { receipt, payment };
                    writeln!(lines, "{receipt} {} {}", payment.id, payment.cents)?;
                    first.entry(payment.id).or_insert(charge);
                    answers.push(Box::new(move || _ = reply.send(charge)));
                }
                Order::Find(payment, reply) => {
                    let found = first.get(&payment).copied();
                    answers.push(Box::new(move || _ = reply.send(found)));
                }
            }
        }
        if !lines.is_empty() {
            file.write_all(&lines)?;
            file.sync_data()?;
        }
        for answer in answers {
            answer();
        }
    }
    Ok(())
}

impl Book {
    /// What the file says when nobody asks for charges any more. It is taken away then.
    pub(crate) fn close(self) -> io::Result<Vec<Charge>> {
        let kept = self.thread.join();
        kept.map_err(|_| io::Error::other("the ledger panicked"))??;
        let text = fs::read_to_string(&self.path)?;
        fs::remove_file(&self.path)?;
        let charges = text.lines().map(charge);
        charges
            .collect::<Option<_>>()
            .ok_or_else(|| io::Error::other("a line of the ledger cannot be read"))
    }
}

fn charge(line: &str) -> Option<Charge> {
    let mut numbers = line.split(' ').map(|number| number.parse().ok());
    let (receipt, id, cents) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let payment = Payment { id, cents };
    Some(Charge { receipt, payment })
}
