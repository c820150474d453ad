//! The service, and the threads it can be killed with.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use mainstay::http::RespondLayer;
use mainstay::idempotency::{
    Duplicates, Execution, IdempotencyConfig, IdempotencyHandle, IdempotencyLayer, MemoryStore,
};
use mainstay::{Deadline, error};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;
use tower::{BoxError, ServiceBuilder};

use super::Payment;
use super::ledger::{Charge, Ledger};
use super::mishaps::{Mishap, Mishaps};
use super::report::Tally;

/// How soon it is known that a handler was lost.
const LEASE: Duration = Duration::from_secs(2);
/// How long a duplicate waits for the first.
const WAIT: Duration = Duration::from_millis(200);
const DRAIN: Duration = Duration::from_secs(10);
/// How long threads are waited for that were told to end.
const KILL: Duration = Duration::from_millis(200);

/// What the handlers have.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    ledger: Ledger,
    mishaps: Mishaps,
    tally: Tally,
    /// How often each payment was to be charged.
    runs: Arc<Mutex<HashMap<u64, u64>>>,
}

impl Desk {
    pub(crate) fn new(ledger: Ledger, mishaps: Mishaps, tally: Tally) -> Self {
        Self {
            ledger,
            mishaps,
            tally,
            runs: Arc::default(),
        }
    }

    fn mishap(&self, payment: Payment) -> Mishap {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let run = runs.entry(payment.id).or_default();
        *run += 1;
        self.mishaps.of_run(payment, *run)
    }
}

/// One run of the handler, which counts how it went: dropped before its end, it was killed.
struct Run<'a> {
    tally: &'a Tally,
    is_over: bool,
}

impl Run<'_> {
    fn over<T>(mut self, result: T) -> T {
        self.is_over = true;
        result
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tally.count("server: handler panicked");
        } else if !self.is_over {
            self.tally.count("server: handler killed midway");
        }
    }
}

type Answer = Result<(StatusCode, Json<Value>), StatusCode>;

fn receipt(status: StatusCode, charge: Charge) -> (StatusCode, Json<Value>) {
    let Charge { receipt, payment } = charge;
    let body = json!({"receipt": receipt, "payment": payment.id, "cents": payment.cents});
    (status, Json(body))
}

async fn charge(State(desk): State<Desk>, Json(order): Json<Value>) -> Answer {
    let (Some(id), Some(cents)) = (order["payment"].as_u64(), order["cents"].as_u64()) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    desk.tally.count("server: handler ran");
    let run = Run {
        tally: &desk.tally,
        is_over: false,
    };
    let answer = mishandle(&desk, Payment { id, cents }).await;
    run.over(answer)
}

async fn mishandle(desk: &Desk, payment: Payment) -> Answer {
    let mishap = desk.mishap(payment);
    match mishap {
        Mishap::SlowBefore(time) => sleep(time).await,
        Mishap::Stalls(time) => stall(time).await,
        Mishap::Busy => return Err(StatusCode::SERVICE_UNAVAILABLE),
        Mishap::FailsBefore => return Err(StatusCode::INTERNAL_SERVER_ERROR),
        Mishap::PanicsBefore => panic(),
        _ => {}
    }
    // Whoever was told that the outcome is unknown may have paid otherwise by now. There is no wait
    // between this and the charge.
    if Execution::current().is_some_and(|execution| execution.is_lease_lost()) {
        desk.tally.count("server: handler stopped, lease lost");
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let charge = desk.ledger.charge(payment).await;
    let charge = charge.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    match mishap {
        Mishap::SlowAfter(time) => sleep(time).await,
        Mishap::FailsAfter => return Err(StatusCode::INTERNAL_SERVER_ERROR),
        Mishap::PanicsAfter => panic(),
        _ => {}
    }
    Ok(receipt(StatusCode::CREATED, charge))
}

/// Holds up its thread, as a machine does that is paused. What else the thread would do goes on in
/// another, but for this task.
async fn stall(time: Duration) {
    let (_silent, nothing) = std::sync::mpsc::channel::<()>();
    let _ = tokio::task::block_in_place(|| nothing.recv_timeout(time));
    // That the lease has ended is found out when the task is next run.
    tokio::task::yield_now().await;
}

/// Unwinds as `panic!` does, and prints nothing.
fn panic() {
    std::panic::resume_unwind(Box::new("as it was meant to be"));
}

/// Says whether a payment was charged.
async fn find(State(desk): State<Desk>, Path(payment): Path<u64>) -> Answer {
    let found = desk.ledger.find(payment).await;
    let found = found.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    found.map_or(Err(StatusCode::NOT_FOUND), |charge| {
        Ok(receipt(StatusCode::OK, charge))
    })
}

/// The service on one address, whatever becomes of who serves there.
pub(crate) struct Server {
    desk: Desk,
    /// Without it, without the layer.
    store: Option<MemoryStore>,
    /// Held here, as by a supervisor that hands it to each process it starts: so it is nobody else's
    /// in between.
    listener: TcpListener,
    uri: String,
    process: Option<Process>,
}

/// What is killed.
struct Process {
    runtime: Runtime,
    handle: Option<IdempotencyHandle<MemoryStore>>,
}

impl Server {
    /// Listens, and serves.
    pub(crate) fn bind(desk: Desk, store: Option<MemoryStore>) -> Result<Self, BoxError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let mut server = Self {
            uri: format!("http://{}/payments", listener.local_addr()?),
            desk,
            store,
            listener,
            process: None,
        };
        server.start()?;
        Ok(server)
    }

    pub(crate) fn uri(&self) -> String {
        self.uri.clone()
    }

    /// Starts threads that serve. They know nothing of those before but what the store and the ledger
    /// say.
    pub(crate) fn start(&mut self) -> Result<(), BoxError> {
        let mut router = Router::new()
            .route("/payments", post(charge))
            .route("/payments/{payment}", get(find))
            .with_state(self.desk.clone());
        let mut handle = None;
        if let Some(store) = &self.store {
            let config = IdempotencyConfig::at_most_once()
                .lease(LEASE)
                .duplicates(Duplicates::Wait { max: WAIT });
            let layer = IdempotencyLayer::http("payments", config, store.clone())?;
            handle = Some(layer.handle());
            let stack = ServiceBuilder::new()
                .layer(RespondLayer::new())
                .layer(layer.single_tenant()) // one shop; where there are more, `scope`
                .layer(error::layer());
            router = router.layer(stack);
        }
        let mut threads = Builder::new_multi_thread();
        let runtime = threads.worker_threads(2).enable_all().build()?;
        let listener = self.listener.try_clone()?;
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, router).await
        });
        self.process = Some(Process { runtime, handle });
        Ok(())
    }

    /// Ends the threads wherever they are. Of those that stall it hears nothing: they are left behind,
    /// and end when they wake.
    pub(crate) async fn kill(&mut self) -> Result<(), BoxError> {
        if let Some(Process { runtime, .. }) = self.process.take() {
            let ended = move || runtime.shutdown_timeout(KILL);
            tokio::task::spawn_blocking(ended).await?;
        }
        Ok(())
    }

    /// Lets what runs come to its end first.
    pub(crate) async fn stop(mut self) -> Result<(), BoxError> {
        let process = self.process.as_ref();
        if let Some(handle) = process.and_then(|process| process.handle.as_ref()) {
            if handle.drain(Deadline::within(DRAIN)).await > 0 {
                return Err("handlers run that do not end".into());
            }
        }
        self.kill().await
    }
}
