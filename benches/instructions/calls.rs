//! So many calls of one case of `benches/cases`, for valgrind to count: `.ci/counts.py` runs it.
//!
//! ```text
//! calls                       lists the cases
//! calls <case> <n>            makes the service, and n calls of it
//! calls <case> size           the size of its response future
//! calls <case> time <threads> nanoseconds a call, on so many threads that share the layer
//! ```
//!
//! Further words: `recorded`, with a metrics recorder installed; `pending`, over a service that pends once.

#[path = "../cases/mod.rs"]
mod cases;
mod recorder;

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use tower::Service;

use cases::{Answer, AnswerLater, Inner};

/// What is asked of a case.
enum Task {
    Size,
    Calls(u64),
    Time(usize),
}

fn run<S>(mut service: S, task: &Task)
where
    S: Service<u64, Response = u64> + Clone + Send,
{
    match task {
        Task::Size => println!("{}", size_of::<S::Future>()),
        Task::Calls(count) => calls(&mut service, *count),
        Task::Time(threads) => time(&service, *threads),
    }
}

/// All of them succeed, or none where the case is that of a refusal.
fn calls<S: Service<u64, Response = u64>>(service: &mut S, count: u64) {
    let good = (0..count).filter(|request| cases::call(service, black_box(*request)));
    let good = good.count() as u64;
    assert!(good == count || good == 0, "{good} of {count} succeed");
}

/// The median of some rounds, and the shortest.
fn time<S: Service<u64, Response = u64> + Clone + Send>(service: &S, threads: usize) {
    const CALLS: u32 = 20_000;
    const ROUNDS: usize = 201;
    let barrier = Barrier::new(threads);
    let mut rounds: Vec<f64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let (mut service, barrier) = (service.clone(), &barrier);
                scope.spawn(move || {
                    let runtime = cases::runtime();
                    let _entered = runtime.enter();
                    let mut round = || {
                        barrier.wait();
                        let began = Instant::now();
                        calls(&mut service, CALLS.into());
                        began.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
                    };
                    (0..ROUNDS).map(|_| round()).collect::<Vec<_>>()
                })
            })
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| worker.join().expect("a worker");
        workers.into_iter().flat_map(join).collect()
    });
    rounds.sort_by(f64::total_cmp);
    println!("{:.1} {:.1}", rounds[rounds.len() / 2], rounds[0]);
}

macro_rules! cases {
    ($($group:ident { $($case:ident),+ $(,)? })+) => {
        const CASES: &[&str] = &[$($(concat!(stringify!($group), "/", stringify!($case))),+),+];

        fn case(name: &str, inner: impl Inner, task: &Task) {
            match name {
                $($(concat!(stringify!($group), "/", stringify!($case)) => {
                    run(cases::$group::$case(inner), task);
                })+)+
                _ => panic!("no case {name}"),
            }
        }
    };
}

cases::all!(cases);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = cases::runtime();
    let _entered = runtime.enter();
    let (name, task, further) = match &words[..] {
        [] => return println!("{}", CASES.join("\n")),
        [name, "size", further @ ..] => (name, Task::Size, further),
        [name, "time", threads, further @ ..] => (name, Task::Time(number(threads)), further),
        [name, count, further @ ..] => (name, Task::Calls(number(count)), further),
        [_] => panic!("see the head of the source"),
    };
    if further.contains(&"recorded") {
        recorder::install();
    }
    if further.contains(&"pending") {
        case(name, AnswerLater, &task);
    } else {
        case(name, Answer, &task);
    }
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(word: &str) -> T {
    word.parse().expect("a number")
}
