//! What the simulations have in common: virtual time, randomness, services.

use std::f64::consts::TAU;
use std::future::Future;
use std::time::Duration;

use mainstay::Rng;
use tokio::time::{Instant, sleep_until};
use tower::BoxError;

pub type Done = Result<(), BoxError>;

/// Runs `model` on one thread and a paused clock, which jumps to the next timer when all is idle.
///
/// The thread is new, so that nothing a layer keeps for each thread is left from the run before.
pub fn run<F, T>(model: impl FnOnce() -> F + Send + 'static) -> T
where
    F: Future<Output = T>,
    T: Send + 'static,
{
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without I/O needs nothing of the system");
        runtime.block_on(model())
    });
    thread.join().expect("the model does not panic")
}

/// Runs `model` with each of the seeds from 1, a few at a time; the results are in the order of the seeds.
pub fn each<F, T>(seeds: u64, model: impl Fn(u64) -> F + Clone + Send + 'static) -> Vec<T>
where
    F: Future<Output = T>,
    T: Send + 'static,
{
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let of = move |worker| {
        let own = (1..=seeds).filter(|seed| seed % workers == worker);
        let run = |seed| {
            let model = model.clone();
            (seed, run(move || model(seed)))
        };
        own.map(run).collect::<Vec<_>>()
    };
    let start = |worker| {
        let of = of.clone();
        std::thread::spawn(move || of(worker))
    };
    let workers: Vec<_> = (0..workers).map(start).collect();
    let runs = workers.into_iter().map(|worker| worker.join());
    let mut runs: Vec<_> = runs.flat_map(|runs| runs.expect("no panic")).collect();
    runs.sort_by_key(|(seed, _)| *seed);
    runs.into_iter().map(|(_, run)| run).collect()
}

/// Draws for one part of one run. Parts draw from sequences of their own, so that what one of them
/// does more often changes nothing for the others.
pub fn rng(seed: u64, part: u64) -> Rng {
    Rng::seeded(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(part))
}

/// Uniform in `0 .. 1`.
pub fn uniform(rng: &Rng) -> f64 {
    (rng.bits() >> 11) as f64 / (1_u64 << 53) as f64
}

pub fn chance(rng: &Rng, probability: f64) -> bool {
    uniform(rng) < probability
}

/// Exponential, with this mean.
pub fn exponential(rng: &Rng, mean: Duration) -> Duration {
    mean.mul_f64(-(1.0 - uniform(rng)).ln())
}

/// The absolute value of a normal draw.
pub fn normal(rng: &Rng, mean: Duration, deviation: Duration) -> Duration {
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
    let standard = radius * (TAU * uniform(rng)).cos();
    let seconds = mean.as_secs_f64() + standard * deviation.as_secs_f64();
    Duration::from_secs_f64(seconds.abs())
}

/// Calls that come independently of each other, at a mean distance.
///
/// Each instant is counted on from the one before it and not from when that call was sent: timers
/// are rounded up to the millisecond, and the rate would suffer.
pub struct Arrivals {
    rng: Rng,
    mean: Duration,
    next: Instant,
}

impl Arrivals {
    pub fn new(rng: Rng, mean: Duration) -> Self {
        let next = Instant::now();
        Self { rng, mean, next }
    }

    pub async fn next(&mut self) {
        self.next += exponential(&self.rng, self.mean);
        sleep_until(self.next).await;
    }
}
