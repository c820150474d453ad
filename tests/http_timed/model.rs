//! Random senders and readers against a model that knows every instant.

use std::time::Duration;

use mainstay::http::TimedBody;
use mainstay::{Deadline, Kind};
use tokio::time::{Instant, sleep};

use super::kit::{Item, NEVER, data, limits, next, refusal, sent};

/// splitmix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Even milliseconds for the sender and the reader, odd ones for the limits: no two meet.
#[derive(Debug)]
struct Case {
    /// When each frame is sent, after the head.
    frames: Vec<u64>,
    /// How long the reader stays away before it asks for each.
    away: Vec<u64>,
    first: Option<u64>,
    idle: Option<u64>,
    total: Option<u64>,
    deadline: Option<u64>,
}

impl Case {
    fn draw(random: &mut Random) -> Self {
        let mut at = 0;
        let count = random.below(6);
        let frames = (0..count).map(|_| {
            at += 2 * random.below(20);
            at
        });
        let frames = frames.collect();
        let away = (0..=count).map(|_| 2 * random.below(20) * random.below(2));
        let away = away.collect();
        let mut limit = |most| (random.below(3) > 0).then(|| 1 + 2 * random.below(most));
        Self {
            frames,
            away,
            first: limit(20),
            idle: limit(15),
            total: limit(60),
            deadline: limit(60),
        }
    }

    /// How many frames are read, and the kind and the instant of the cut.
    fn model(&self) -> (usize, Kind, u64) {
        let (mut now, never) = (0, u64::MAX);
        let kind = |at, by_deadline| {
            let kind = if by_deadline {
                Kind::DeadlineExceeded
            } else {
                Kind::Timeout
            };
            (kind, at)
        };
        for (read, away) in self.away.iter().enumerate() {
            now += away;
            let comes = self.frames.get(read).copied().unwrap_or(never);
            let next = if read == 0 {
                self.first
            } else {
                self.idle.map(|idle| now + idle)
            };
            let limits = [next, self.total].map(|limit| limit.unwrap_or(never));
            let own = limits[0].min(limits[1]);
            let deadline = self.deadline.unwrap_or(never);
            let ends = own.min(deadline);
            if comes > now && ends < comes {
                let (kind, at) = kind(ends.max(now), deadline <= own);
                return (read, kind, at);
            }
            now = now.max(comes);
        }
        unreachable!("the last wait is for a frame that never comes");
    }

    async fn run(&self) -> (usize, Kind, u64) {
        let head = Instant::now();
        let limit = |limit: Option<u64>| limit.map_or(NEVER, Duration::from_millis);
        let bounds = limits(limit(self.first), limit(self.idle), limit(self.total));
        let deadline = self.deadline.map(Duration::from_millis);
        let bounds = bounds.deadline(deadline.map_or(Deadline::NEVER, Deadline::within));
        let (sender, inner) = sent();
        let mut body = Box::pin(TimedBody::new(inner, bounds, "db"));
        let frames = self.frames.clone();
        let sending = tokio::spawn(async move {
            for at in frames {
                tokio::time::sleep_until(head + Duration::from_millis(at)).await;
                let item: Item = data("x");
                if sender.unbounded_send(item).is_err() {
                    return;
                }
            }
            std::future::pending::<()>().await; // it stays open
        });
        for (read, away) in self.away.iter().enumerate() {
            if *away > 0 {
                sleep(Duration::from_millis(*away)).await;
            }
            // What is due now is sent before it is asked for.
            for _ in 0..=self.frames.len() {
                tokio::task::yield_now().await;
            }
            if let Err(error) = next(&mut body).await.expect("it stays open") {
                let at = head.elapsed();
                assert_eq!(at.subsec_nanos() % 1_000_000, 0);
                sending.abort();
                let at = u64::try_from(at.as_millis()).unwrap();
                return (read, refusal(Some(error)).kind(), at);
            }
        }
        unreachable!("the last wait is for a frame that never comes");
    }
}

#[test]
fn a_body_ends_where_a_model_says() {
    let seed = std::env::var("MAINSTAY_SEED").ok();
    let seed = seed.map_or_else(rand::random, |seed| seed.parse().expect("a number"));
    println!("MAINSTAY_SEED={seed}");
    let mut random = Random(seed);
    for _ in 0..2_000 {
        let mut case = Case::draw(&mut random);
        // Something must end it.
        case.deadline = case.deadline.or(case.total.is_none().then_some(301));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let ran = runtime.block_on(case.run());
        assert_eq!(ran, case.model(), "MAINSTAY_SEED={seed}: {case:?}");
    }
}
