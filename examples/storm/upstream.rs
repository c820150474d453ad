//! The dependency that melts: a real HTTP server with a bounded capacity.
//!
//! Work that has been accepted is done even when its client has gone, as a database does: that is
//! what keeps an overload alive after its cause has passed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use rand::RngExt as _;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

/// Calls worked on at once, and how long one takes: 8 / 25 ms = 320 calls a second.
const WORKERS: usize = 8;
const WORK: Duration = Duration::from_millis(25);
/// Calls accepted at once, waiting or worked on: two seconds of work. What comes past it gets a 503.
const BACKLOG_MAX: usize = 640;

/// What is wrong with the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Healthy,
    /// Answers come 50 to 200 ms later.
    Slow,
    /// 30 % of the answers are a 500.
    Errors,
    /// No work is done; it queues.
    Stalled,
}

pub struct Upstream {
    weather: watch::Sender<Weather>,
    workers: Semaphore,
    backlog: AtomicUsize,
    received: AtomicU64,
}

impl Upstream {
    /// Serves on a port of loopback that the system chooses.
    pub async fn start() -> std::io::Result<(Arc<Self>, String)> {
        let upstream = Arc::new(Self {
            weather: watch::Sender::new(Weather::Healthy),
            workers: Semaphore::new(WORKERS),
            backlog: AtomicUsize::new(0),
            received: AtomicU64::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/", get(answer))
            .with_state(Arc::clone(&upstream));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok((upstream, format!("http://{address}/")))
    }

    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Requests that have reached it since it started.
    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    async fn work(&self) {
        let Ok(_worker) = self.workers.acquire().await else {
            return;
        };
        let mut weather = self.weather.subscribe();
        let _ = weather.wait_for(|now| *now != Weather::Stalled).await;
        sleep(WORK).await;
    }
}

async fn answer(State(upstream): State<Arc<Upstream>>) -> Result<&'static str, StatusCode> {
    upstream.received.fetch_add(1, Relaxed);
    if upstream.backlog.fetch_add(1, Relaxed) >= BACKLOG_MAX {
        upstream.backlog.fetch_sub(1, Relaxed);
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let worker = Arc::clone(&upstream);
    let accepted = tokio::spawn(async move {
        worker.work().await;
        worker.backlog.fetch_sub(1, Relaxed);
    });
    let _ = accepted.await;
    let weather = *upstream.weather.borrow();
    match weather {
        Weather::Slow => {
            let late = rand::rng().random_range(50..=200);
            sleep(Duration::from_millis(late)).await;
        }
        Weather::Errors if rand::rng().random_bool(0.3) => {
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        }
        _ => {}
    }
    Ok("done")
}
