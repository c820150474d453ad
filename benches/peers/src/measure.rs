//! One case in one process.

use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

use crate::cases::{self, Case};
use crate::subject::{Subject, Worker};
use crate::{alloc, recorder};

const BATCH: Duration = Duration::from_millis(4);
const SAMPLES: usize = 25;
/// The calls whose allocations are counted.
const COUNTED: u64 = 2000;

/// What one process found. Times are nanoseconds a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub median: f64,
    pub minimum: f64,
    /// On two threads at once, each with a clone of the service: the time that passes, by the calls of one.
    /// Zero where a case has one thread only.
    pub median_of_two: f64,
    pub minimum_of_two: f64,
    pub allocations: f64,
    pub bytes: f64,
    pub future: f64,
}

impl Sample {
    pub fn to_line(self) -> String {
        let fields = [
            self.median,
            self.minimum,
            self.median_of_two,
            self.minimum_of_two,
            self.allocations,
            self.bytes,
            self.future,
        ];
        fields.map(|field| format!("{field:.4}")).join("\t")
    }

    pub fn of_line(line: &str) -> Option<Self> {
        let fields: Vec<f64> = line
            .split('\t')
            .map_while(|field| field.parse().ok())
            .collect();
        let [
            median,
            minimum,
            median_of_two,
            minimum_of_two,
            allocations,
            bytes,
            future,
        ] = fields[..]
        else {
            return None;
        };
        Some(Self {
            median,
            minimum,
            median_of_two,
            minimum_of_two,
            allocations,
            bytes,
            future,
        })
    }
}

/// A runtime of which the cases use the timers. Nothing runs on it.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
}

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 0 && middle > 0 {
        return f64::midpoint(values[middle - 1], values[middle]);
    }
    values.get(middle).copied().unwrap_or(f64::NAN)
}

fn set_up(name: &str) -> (Case, Subject) {
    // A thread that panics would leave the other waiting at the barrier.
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        std::process::exit(101);
    }));
    let case = cases::named(name);
    if case.recorder {
        recorder::install();
    }
    let subject = (case.set_up)();
    (case, subject)
}

/// Runs a case and says what it found, as one line.
pub fn one(name: &str) -> String {
    let runtime = runtime();
    let _entered = runtime.enter();
    let (case, mut subject) = set_up(name);
    let mut worker = (subject.worker)();
    let calls = calibrate(&subject, &mut worker);
    let mut times: Vec<f64> = (0..SAMPLES)
        .map(|_| time(&subject, &mut worker, calls))
        .collect();
    let minimum = times.iter().copied().fold(f64::INFINITY, f64::min);
    let (tally, allocated) = alloc::measure(|| worker(COUNTED));
    subject.outcome.assert(COUNTED, tally);
    let mut sample = Sample {
        median: median(&mut times),
        minimum,
        allocations: allocated.count as f64 / COUNTED as f64,
        bytes: allocated.bytes as f64 / COUNTED as f64,
        future: subject.future as f64,
        ..Sample::default()
    };
    if case.threads == 2 {
        let mut times = of_two(&mut subject, calls, runtime.handle());
        sample.minimum_of_two = times.iter().copied().fold(f64::INFINITY, f64::min);
        sample.median_of_two = median(&mut times);
    }
    sample.to_line()
}

/// So many calls and some more, for a counter of instructions: what two numbers of calls differ by is due
/// to the calls alone.
pub fn calls(name: &str, calls: u64) {
    let runtime = runtime();
    let _entered = runtime.enter();
    let (_, mut subject) = set_up(name);
    let mut worker = (subject.worker)();
    for calls in [512, calls] {
        subject.outcome.assert(calls, worker(calls));
    }
}

/// How many calls take the time of a batch. It warms up, too.
fn calibrate(subject: &Subject, worker: &mut Worker) -> u64 {
    let mut calls = 64;
    loop {
        let spent = time(subject, worker, calls) * calls as f64;
        if spent >= BATCH.as_nanos() as f64 {
            let scaled = calls as f64 * BATCH.as_nanos() as f64 / spent;
            return (scaled as u64).max(1);
        }
        calls *= 2;
    }
}

fn time(subject: &Subject, worker: &mut Worker, calls: u64) -> f64 {
    let start = Instant::now();
    let tally = worker(calls);
    let spent = start.elapsed();
    subject.outcome.assert(calls, tally);
    spent.as_nanos() as f64 / calls as f64
}

fn of_two(subject: &mut Subject, calls: u64, handle: &tokio::runtime::Handle) -> Vec<f64> {
    let workers = [(subject.worker)(), (subject.worker)()];
    let outcome = subject.outcome;
    let barrier = Barrier::new(2);
    let spans = Mutex::new(vec![Vec::new(); SAMPLES + 1]);
    std::thread::scope(|scope| {
        for mut worker in workers {
            let (barrier, spans) = (&barrier, &spans);
            scope.spawn(move || {
                let _entered = handle.enter();
                for sample in 0..=SAMPLES {
                    barrier.wait();
                    let start = Instant::now();
                    let tally = worker(calls);
                    let end = Instant::now();
                    outcome.assert(calls, tally);
                    spans.lock().expect("no thread panicked")[sample].push((start, end));
                }
            });
        }
    });
    let spans = spans.into_inner().expect("no thread panicked");
    // The first warms up the threads.
    let spans = spans.iter().skip(1).map(|spans| {
        let start = spans.iter().map(|span| span.0).min();
        let end = spans.iter().map(|span| span.1).max();
        end.zip(start)
            .map_or(Duration::ZERO, |(end, start)| end - start)
    });
    spans
        .map(|spent| spent.as_nanos() as f64 / calls as f64)
        .collect()
}
