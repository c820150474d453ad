//! Random days of three nodes, whose clocks differ, over a desk that does what it likes.
//!
//! `MAINSTAY_SEED=<n>` runs one day alone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::Rng;
use mainstay::coordination::{
    Clock, ElectionConfig, FencingToken, LeaderElection, Moment, Term, TokioClock, Unsealed,
};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout};

use super::kit::{Desk, Does, MS, SECOND};

const DAYS: u64 = 100;
const NODES: u32 = 3;

/// One that is up to 1 % too fast or too slow, and leaps as over a suspension of which the timers know
/// nothing.
#[derive(Clone, Debug)]
struct Loose {
    clock: TokioClock,
    rate: f64,
    leapt: Arc<Mutex<Duration>>,
}

impl Clock for Loose {
    fn now(&self) -> Moment {
        let elapsed = self.clock.now().since(Moment::ORIGIN);
        Moment::from_origin(elapsed.mul_f64(self.rate) + *self.leapt.lock().unwrap())
    }
}

fn below(rng: &Rng, count: u64) -> u64 {
    rng.bits() % count
}

fn span(rng: &Rng, millis: u64) -> Duration {
    rng.duration(Duration::ZERO..=Duration::from_millis(millis))
}

/// What all see.
#[derive(Clone, Debug, Default)]
struct Day(Arc<Mutex<Vec<Term>>>);

impl Day {
    fn begins(&self, term: &Term) {
        let mut terms = self.0.lock().unwrap();
        let last = terms.last().map(Term::token);
        assert!(last < Some(term.token()), "{last:?} and {}", term.token());
        terms.push(term.clone());
    }

    fn check(&self) {
        let terms = self.0.lock().unwrap();
        let valid: Vec<_> = terms.iter().filter(|term| term.is_valid()).collect();
        assert!(valid.len() <= 1, "{valid:?}");
    }
}

fn unruly(rng: &Rng, renewal: bool) -> Does {
    match below(rng, 10) {
        0 => Does::Hang,
        1 | 2 => Does::Late(span(rng, 2500)),
        3 if renewal => Does::Unknown,
        4 if renewal && below(rng, 4) == 0 => Does::Lost,
        3 | 4 if !renewal => Does::Unavailable(span(rng, 300)),
        _ => Does::Serve,
    }
}

async fn node(number: u32, desk: Desk, day: Day, rng: Rng, until: Instant) {
    #[expect(clippy::cast_precision_loss, reason = "some number will do")]
    let rate = 0.99 + 0.02 * (below(&rng, 1000) as f64 / 1000.0);
    let clock = Loose {
        clock: TokioClock::new(),
        rate,
        leapt: Arc::default(),
    };
    let leapt = Arc::clone(&clock.leapt);
    let seals = rng.clone();
    let seal = move |token: FencingToken| {
        let (wait, how) = (span(&seals, 300), below(&seals, 12));
        async move {
            sleep(wait).await;
            match how {
                0 => std::future::pending().await,
                1 => Err(Unsealed::Failed("down".into())),
                2 => Err(Unsealed::Stale {
                    high: token.next().unwrap(),
                }),
                _ => Ok(()),
            }
        }
    };
    let config = ElectionConfig::default().sealing(seal).rng(rng.clone());
    let election = LeaderElection::new("day", desk.store(number, clock), config).unwrap();
    while Instant::now() < until {
        let patience = span(&rng, 8000);
        let Ok(won) = timeout(patience, election.campaign()).await else {
            continue;
        };
        let guard = won.unwrap();
        if guard.is_valid() {
            day.begins(guard.term());
        }
        day.check();
        let works = span(&rng, 5000);
        let work = async {
            let end = Instant::now() + works;
            while Instant::now() < end {
                day.check();
                sleep(20 * MS).await;
            }
        };
        let _ = guard.run(work).await;
        day.check();
        if below(&rng, 8) == 0 {
            *leapt.lock().unwrap() += span(&rng, 3000);
            day.check();
        }
        match below(&rng, 4) {
            0 => drop(guard),
            1 => drop(guard.resign(span(&rng, 1000))),
            2 => {
                let next = guard.token().next().unwrap();
                guard.superseded_by(next);
            }
            _ => _ = guard.resign(span(&rng, 1000)).await,
        }
        day.check();
    }
}

/// How many terms began.
fn run(seed: u64) -> usize {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (desk, day, rng) = (Desk::new(), Day::default(), Rng::seeded(seed));
        let until = Instant::now() + 60 * SECOND;
        let nodes: Vec<_> = (1..=NODES)
            .map(|number| {
                let rng = Rng::seeded(rng.bits());
                tokio::spawn(node(number, desk.clone(), day.clone(), rng, until))
            })
            .collect();
        while Instant::now() < until {
            {
                let mut state = desk.state();
                state.acquires.otherwise(unruly(&rng, false));
                state.renewals.otherwise(unruly(&rng, true));
                let release = below(&rng, 10) == 0;
                let release = if release { Does::Hang } else { Does::Serve };
                state.releases.otherwise(release);
            }
            sleep(span(&rng, 400)).await;
            day.check();
        }
        for node in nodes {
            node.await.unwrap();
        }
        // When all goes well again somebody is elected, and what is dropped leaves nothing.
        {
            let mut state = desk.state();
            state.acquires.otherwise(Does::Serve);
            state.releases.otherwise(Does::Serve);
        }
        sleep(10 * SECOND).await;
        assert_eq!(desk.state().stores, 0, "an election did not end");
        let store = desk.store(9, TokioClock::new());
        let election = LeaderElection::new("day", store, ElectionConfig::default()).unwrap();
        let won = timeout(5 * SECOND, election.campaign()).await;
        day.begins(won.expect("somebody is elected").unwrap().term());
        day.0.lock().unwrap().len()
    })
}

#[test]
fn no_two_terms_are_valid_at_once_and_tokens_grow() {
    let given = std::env::var("MAINSTAY_SEED").ok();
    if let Some(seed) = given.and_then(|seed| seed.parse().ok()) {
        println!("{} terms", run(seed));
        return;
    }
    let mut terms = 0;
    for seed in 0..DAYS {
        let day = std::panic::catch_unwind(|| run(seed));
        terms += day.unwrap_or_else(|_| panic!("MAINSTAY_SEED={seed}"));
    }
    assert!(terms > usize::try_from(DAYS).unwrap() * 5, "{terms}");
}
