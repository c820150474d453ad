//! Three worker processes, of which one leads and writes to a file, while the leader is stopped, cut
//! off and killed in turn.
//!
//! ```text
//! cargo run --release --example leader_worker               # about 40 s
//! cargo run --release --example leader_worker -- --json     # the last line is one JSON object
//! cargo run --release --example leader_worker -- --rounds 9 # three rounds by default
//! ```
//!
//! The example starts the workers as processes of their own. Each has an acceptor, which the others reach over
//! HTTP on loopback, and an election over the majority of the three. The file is behind a gate in the first
//! process, and a leader's writes say their term. In each round
//!
//! 1. the leader is stopped (SIGSTOP) for longer than its lease, and goes on as if nothing had been,
//! 2. the leader is cut off from the other workers, but not from the file,
//! 3. the leader is killed (SIGKILL), and started again.
//!
//! Each time somebody else leads after about the time of a lease. What the stopped one had on its way arrives
//! when it goes on, and is refused. It fails when a line of an earlier term is below one of a later term, when
//! nothing stale was ever tried, and when nobody leads in time.

#[path = "leader_worker/resource.rs"]
mod resource;
#[path = "leader_worker/wire.rs"]
mod wire;
#[path = "leader_worker/worker.rs"]
mod worker;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use mainstay::coordination::FencingToken;
use tokio::time::{Instant, sleep};
use tower::BoxError;

use resource::{Resource, landed_stale};
use wire::{Http, TTL};
use worker::Start;

const WORKERS: u32 = 3;
/// Until somebody leads, at most; the first waits for the quarantine of the acceptors too.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [role, id, resource, folder, ports @ ..] = &arguments[..] {
        if role == "worker" {
            let ports: Result<_, _> = ports.iter().map(|port| port.parse()).collect();
            return worker::run(Start {
                id: id.parse()?,
                ports: ports?,
                resource: resource.parse()?,
                folder: folder.into(),
            })
            .await;
        }
    }
    let rounds = arguments.iter().position(|argument| argument == "--rounds");
    let rounds = match rounds.and_then(|at| arguments.get(at + 1)) {
        Some(rounds) => rounds.parse()?,
        None => 3,
    };
    let is_json = arguments.iter().any(|argument| argument == "--json");
    lead(rounds, is_json).await
}

/// The workers, which end with this.
struct Workers {
    children: Vec<Child>,
    ports: Vec<u16>,
    resource: u16,
    folder: PathBuf,
}

impl Workers {
    fn start(resource: u16, folder: &Path) -> Result<Self, BoxError> {
        // All at once, so that they differ.
        let free: Result<Vec<_>, _> = (0..WORKERS)
            .map(|_| TcpListener::bind("127.0.0.1:0"))
            .collect();
        let ports: Result<Vec<_>, _> = free?.iter().map(TcpListener::local_addr).collect();
        let mut workers = Self {
            children: Vec::new(),
            ports: ports?.iter().map(std::net::SocketAddr::port).collect(),
            resource,
            folder: folder.to_owned(),
        };
        for id in 0..WORKERS {
            let child = workers.spawn(id)?;
            workers.children.push(child);
        }
        Ok(workers)
    }

    fn spawn(&self, id: u32) -> Result<Child, BoxError> {
        let ports = self.ports.iter().map(u16::to_string);
        let child = Command::new(std::env::current_exe()?)
            .args(["worker", &id.to_string(), &self.resource.to_string()])
            .arg(&self.folder)
            .args(ports)
            .spawn()?;
        Ok(child)
    }

    fn signal(&self, id: u32, signal: &str) -> Result<(), BoxError> {
        let process = self.children[id as usize].id();
        // The shell has its own `kill`, wherever there is a shell.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {process}")])
            .status()?;
        status
            .success()
            .then_some(())
            .ok_or_else(|| format!("kill -{signal} fails").into())
    }

    fn restart(&mut self, id: u32) -> Result<(), BoxError> {
        self.children[id as usize].wait()?;
        self.children[id as usize] = self.spawn(id)?;
        Ok(())
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // One that is stopped can be killed too.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Mishap {
    Stopped,
    CutOff,
    Killed,
}

/// Removed in the end, whatever happens.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn lead(rounds: u32, is_json: bool) -> Result<(), BoxError> {
    let folder = Folder(std::env::temp_dir().join(format!("leader-worker-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0)?;
    let (resource, port) = Resource::serve(&folder.0).await?;
    let mut workers = Workers::start(port, &folder.0)?;
    let http = wire::http();

    let start = Instant::now();
    let mut failovers = Vec::new();
    let mut last = None;
    for mishap in (0..rounds).flat_map(|_| [Mishap::Stopped, Mishap::CutOff, Mishap::Killed]) {
        let (token, leader, _) = resource.next(last, PATIENCE).await?;
        sleep(TTL).await;
        let failover = one(mishap, token, leader, &resource, &mut workers, &http).await?;
        failovers.push(failover);
        // Whoever leads by now leads on.
        last = resource
            .log()
            .terms
            .last()
            .map(|term| term.0)
            .filter(|last| *last <= token);
    }
    drop(workers);

    let (terms, stale) = {
        let log = resource.log();
        for (token, node, at) in &log.terms {
            let since = at.saturating_duration_since(start).as_secs_f64();
            println!("{since:6.2} s: worker {node} leads in term {token}");
        }
        (log.terms.len(), log.stale)
    };
    let landed = landed_stale(&std::fs::read(folder.0.join("ledger.txt"))?.into())?;
    println!("{terms} terms; {stale} stale writes were refused, {landed} landed");
    let failover_ms: Vec<_> = failovers.iter().map(Duration::as_millis).collect();
    if is_json {
        println!(
            r#"{{"terms": {terms}, "failover_ms": {failover_ms:?}, "stale_attempts": {stale}, "stale_landed": {landed}}}"#
        );
    }
    if landed > 0 || stale == 0 {
        return Err("the gate has let in what it must not, or was never asked".into());
    }
    Ok(())
}

/// Lets one thing go wrong with the leader; how long nobody wrote.
async fn one(
    mishap: Mishap,
    token: FencingToken,
    leader: u32,
    resource: &Resource,
    workers: &mut Workers,
    http: &Http,
) -> Result<Duration, BoxError> {
    let begin = Instant::now();
    match mishap {
        Mishap::Stopped => workers.signal(leader, "STOP")?,
        Mishap::CutOff => wire::cut(http, workers.ports[leader as usize], true).await?,
        Mishap::Killed => workers.signal(leader, "KILL")?,
    }
    let (next, node, at) = resource.next(Some(token), PATIENCE).await?;
    let failover = at.saturating_duration_since(begin);
    println!("  {mishap:?}: worker {node} leads in term {next} after {failover:.0?}");
    sleep(TTL / 2).await;
    match mishap {
        Mishap::Stopped => workers.signal(leader, "CONT")?,
        Mishap::CutOff => wire::cut(http, workers.ports[leader as usize], false).await?,
        Mishap::Killed => workers.restart(leader)?,
    }
    // For what is late to arrive, and for the acceptor to serve again.
    sleep(2 * TTL).await;
    Ok(failover)
}
