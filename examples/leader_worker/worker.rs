//! One worker: an acceptor for all, and a node that writes while it leads.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use mainstay::coordination::{
    AcceptorId, AcceptorService, BootClock, ElectionConfig, FileTokenStore, LeaderElection,
    LeaseRequest, LeaseResponse, NodeId, QuorumConfig, QuorumLease, StoreError, Term, Unsealed,
};
use tokio::net::TcpListener;
use tower::{BoxError, ServiceExt as _};

use crate::wire::{self, Http, RESOURCE, WAIT};

/// What the parent says to a worker when it starts it.
pub(crate) struct Start {
    pub(crate) id: u32,
    /// Where the workers listen, this one among them.
    pub(crate) ports: Vec<u16>,
    pub(crate) resource: u16,
    pub(crate) folder: PathBuf,
}

#[derive(Clone)]
struct Desk {
    acceptor: AcceptorService,
    is_cut: Arc<AtomicBool>,
}

pub(crate) async fn run(start: Start) -> Result<(), BoxError> {
    let timing = wire::timing()?;
    let id = AcceptorId(start.id);
    let path = start.folder.join(format!("acceptor-{}.tokens", start.id));
    let name = format!("{RESOURCE}-{}", start.id);
    let tokens = match FileTokenStore::open(&path, &name) {
        // The first start of all. One that is lost later is not made anew: the parent would have to give
        // the acceptor another number.
        Err(StoreError::Missing) => FileTokenStore::create(&path, &name)?,
        opened => opened?,
    };
    let desk = Desk {
        acceptor: AcceptorService::new(RESOURCE, id, timing, tokens, BootClock),
        is_cut: Arc::default(),
    };

    let own = start.ports.get(start.id as usize).copied();
    let listener = TcpListener::bind(("127.0.0.1", own.ok_or("no port for this worker")?)).await?;
    let http = wire::http();
    let is_cut = Arc::clone(&desk.is_cut);
    let routes = Router::new()
        .route("/lease", post(lease))
        .route(
            "/cut",
            post(async |State(desk): State<Desk>| desk.is_cut.store(true, Ordering::Relaxed)),
        )
        .route(
            "/heal",
            post(async |State(desk): State<Desk>| desk.is_cut.store(false, Ordering::Relaxed)),
        )
        .with_state(desk);
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let mut acceptors = Vec::new();
    for (id, &port) in (0..).zip(&start.ports) {
        // A cut is between this worker and the others.
        let is_cut = if id == start.id {
            Arc::default()
        } else {
            Arc::clone(&is_cut)
        };
        acceptors.push((AcceptorId(id), wire::acceptor(port, http.clone(), is_cut)?));
    }
    let config = QuorumConfig::new(timing).wait(WAIT);
    let lease = QuorumLease::new(RESOURCE, NodeId(start.id), acceptors, config)?;
    let (port, seals) = (start.resource, http.clone());
    let seal = move |token| {
        let http = seals.clone();
        async move { wire::ask(&http, port, "/seal", token, Vec::new()).await }
    };
    let election = LeaderElection::new(RESOURCE, lease, ElectionConfig::default().sealing(seal))?;
    loop {
        let guard = election.campaign().await?;
        let term = guard.term().clone();
        if let Ok(high) = guard.run(write(start.id, term, http.clone(), port)).await {
            guard.superseded_by(high);
        }
    }
}

async fn lease(
    State(desk): State<Desk>,
    Json(request): Json<LeaseRequest>,
) -> Result<Json<LeaseResponse>, StatusCode> {
    if desk.is_cut.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
    let answer = desk.acceptor.oneshot(request).await;
    answer
        .map(Json)
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

/// Writes until the resource refuses; what it refused for.
///
/// Each write is made as it should not be: it looks whether the term is valid, does something for a while,
/// and sends it in a task of its own, which nothing ends. So when the process is stopped in between, the write
/// leaves long after the lease has ended. No lease can help that; the gate does.
async fn write(id: u32, term: Term, http: Http, port: u16) -> mainstay::coordination::FencingToken {
    for number in 0_u64.. {
        if !term.is_valid() {
            break;
        }
        let (http, token) = (http.clone(), term.token());
        let sent = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let line = format!("{token} {id} {number}\n");
            wire::ask(&http, port, "/write", token, line.into_bytes()).await
        });
        if let Ok(Err(Unsealed::Stale { high })) = sent.await {
            return high;
        }
    }
    std::future::pending().await
}
