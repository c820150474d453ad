//! Random schedules against a model that keeps every event, and the edges by hand.

use super::*;
use crate::ratio::Ratio;
use crate::rng::Rng;
use crate::time;

const SECOND: Duration = Duration::from_secs(1);

fn config(percent: u8, floor: u32) -> WindowedConfig {
    WindowedConfig::default()
        .ratio(Ratio::percent(percent).unwrap())
        .floor(floor)
}

fn spend(window: &mut Window) -> u64 {
    let mut count = 0;
    while window.withdraw().is_some() {
        count += 1;
    }
    count
}

#[test]
fn calls_pay_for_ten_slots_and_what_is_spent_is_owed_for_eleven_w1() {
    let start = time::now();
    for (after, balance) in [(0, 20), (9, 20), (10, 0), (11, 0)] {
        let mut window = Window::new(config(20, 0), start);
        window.gather(100, start);
        window.gather(100, start + after * SECOND);
        assert_eq!(window.balance(), balance, "after {after} s");
    }
    for (after, balance) in [(0, 0), (10, 0), (11, 100)] {
        let mut window = Window::new(config(0, 10), start);
        assert_eq!(spend(&mut window), 100);
        window.gather(0, start + after * SECOND);
        assert_eq!(window.balance(), balance, "after {after} s");
    }
}

#[test]
fn calls_are_dated_by_the_look_before_them_w1() {
    let start = time::now();
    let mut window = Window::new(config(100, 0), start);
    window.gather(7, start + 9 * SECOND); // came after the start, whenever
    assert_eq!(window.balance(), 7);
    window.gather(7, start + 10 * SECOND);
    assert_eq!(window.balance(), 0);
}

#[test]
fn a_clock_that_seems_to_go_back_changes_nothing() {
    let start = time::now();
    let mut window = Window::new(config(100, 0), start + SECOND);
    window.gather(7, start + 8 * SECOND);
    window.gather(7, start);
    assert_eq!((window.current, window.balance()), (7, 7));
}

#[test]
fn a_refund_goes_to_its_slot_or_nowhere_w2() {
    let start = time::now();
    let mut window = Window::new(config(0, 1), start); // 10 in a window
    let slot = window.withdraw().unwrap();
    window.gather(0, start + 10 * SECOND);
    window.refund(slot);
    assert_eq!(window.balance(), 10);
    window.refund(slot);
    assert_eq!(window.balance(), 10, "nothing more to give back");
    window.gather(0, start + 11 * SECOND);
    assert_eq!(spend(&mut window), 10);
    window.refund(slot);
    assert_eq!(window.balance(), 0, "its slot now belongs to another");
    window.refund(u64::MAX);
    assert_eq!(window.balance(), 0);
}

#[test]
fn the_longest_idling_is_as_quick_as_the_shortest_w3() {
    let start = time::now();
    let mut window = Window::new(config(20, 10), start);
    window.gather(1000, start);
    spend(&mut window);
    let years = Duration::from_secs(100 * 365 * 24 * 3600);
    let shortest = config(20, 10).window(Duration::from_millis(1));
    window.reconfigure(shortest, start);
    window.gather(1000, start + years); // 3e13 slots
    assert_eq!((window.calls, window.spent), (0, 0));
}

#[test]
fn another_window_forgets_what_was_earned_and_owes_what_was_spent() {
    let start = time::now();
    let mut window = Window::new(config(50, 10), start);
    window.gather(100, start);
    let slot = window.withdraw().unwrap();
    window.reconfigure(config(50, 10).window(2 * SECOND), start);
    assert_eq!((window.calls, window.spent), (0, 1));
    window.refund(slot);
    assert_eq!(window.spent, 1, "a receipt of before is worth nothing");
    window.gather(100, start + 3 * SECOND);
    assert_eq!(window.spent, 0);
}

/// Every call and every payment with its time, and nothing summed ahead.
struct Model {
    /// When calls entered, when the look before that was, and how many.
    calls: Vec<(Instant, Instant, u64)>,
    spent: Vec<Instant>,
    last_look: Instant,
}

impl Model {
    fn spent_within(&self, stretch: Duration, now: Instant) -> u64 {
        let from = now.checked_sub(stretch);
        let inside = |at: &&Instant| from.is_none_or(|from| **at > from);
        self.spent.iter().filter(inside).count() as u64
    }

    /// Sums the calls whose time, read by `date`, lies in the stretch up to now.
    fn calls_within(
        &self,
        stretch: Duration,
        now: Instant,
        date: impl Fn(&(Instant, Instant, u64)) -> Instant,
    ) -> u64 {
        let from = now.checked_sub(stretch);
        let inside = |call: &&_| from.is_none_or(|from| date(call) > from);
        self.calls.iter().filter(inside).map(|call| call.2).sum()
    }

    fn due(config: &WindowedConfig, calls: u64) -> u128 {
        u128::from(calls) * u128::from(config.ratio.millionths()) + config.floor_of_window() * WHOLE
    }

    /// W1, for the stretch that ends now.
    fn check_grant(&self, config: &WindowedConfig, now: Instant) {
        let spent = self.spent_within(config.window, now);
        let calls = self.calls_within(config.window, now, |call| call.0);
        let due = Self::due(config, calls);
        assert!(u128::from(spent) * WHOLE <= due, "{spent} for {calls}");
    }

    /// A refusal may leave out of account what the type's page says, and no more.
    fn check_refusal(&self, config: &WindowedConfig, now: Instant) {
        let tenth = config.window / 10;
        let spent = self.spent_within(config.window + tenth, now);
        let calls = self.calls_within(tenth * 9, now, |call| call.1);
        let due = Self::due(config, calls);
        assert!(u128::from(spent + 1) * WHOLE > due, "{spent} for {calls}");
    }
}

/// Says which schedule it was that failed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to run this schedule again: MAINSTAY_SEED={}", self.0);
        }
    }
}

fn check_sums(window: &Window) {
    let spent: u64 = window.slots.iter().map(|slot| slot.spent).sum();
    let calls: u64 = window.slots.iter().map(|slot| slot.calls).sum();
    assert_eq!((window.spent, window.calls), (spent, calls), "W2");
}

fn below(rng: &Rng, bound: usize) -> usize {
    usize::try_from(rng.bits() >> 32).unwrap() % bound
}

fn any_config(rng: &Rng) -> WindowedConfig {
    let windows = [1, 10, 1000, 10_000, 3_600_000].map(Duration::from_millis);
    let window = windows[below(rng, 5)];
    let percent = [0, 1, 20, 50, 100][below(rng, 5)];
    config(percent, [0, 1, 10, 1000][below(rng, 4)]).window(window)
}

fn any_time(rng: &Rng) -> Duration {
    let longest = Duration::from_nanos(1 << (rng.bits() % 49)); // up to 3 days
    rng.duration(Duration::ZERO..=longest)
}

fn run(seed: u64) {
    let _seed = Seed(seed);
    let rng = Rng::seeded(seed);
    let mut now = time::now();
    let mut config = any_config(&rng);
    let mut window = Window::new(config.clone(), now);
    let mut entered = 0;
    let mut receipts: Vec<(u64, Instant)> = Vec::new();
    let mut model = Model {
        calls: Vec::new(),
        spent: Vec::new(),
        last_look: now,
    };
    for _ in 0..60 {
        match rng.bits() % 8 {
            0 | 1 => {
                let calls = rng.bits() % 200;
                entered += calls;
                model.calls.push((now, model.last_look, calls));
            }
            2 | 3 => now += any_time(&rng),
            4 if !receipts.is_empty() => {
                let (slot, at) = receipts.swap_remove(below(&rng, receipts.len()));
                window.refund(slot);
                let paid = model.spent.iter().position(|paid| *paid == at);
                model.spent.remove(paid.unwrap());
            }
            5 if rng.bits() % 4 == 0 => {
                let next = any_config(&rng);
                window.gather(entered, now);
                model.last_look = now;
                if next.window != config.window {
                    model.calls.clear();
                    model.spent = (0..window.spent).map(|_| now).collect();
                    receipts.clear();
                }
                config = next;
                window.reconfigure(config.clone(), now);
            }
            _ => {
                window.gather(entered, now);
                model.last_look = now;
                for _ in 0..rng.bits() % 40 {
                    if let Some(slot) = window.withdraw() {
                        receipts.push((slot, now));
                        model.spent.push(now);
                        model.check_grant(&config, now);
                    } else {
                        model.check_refusal(&config, now);
                    }
                }
            }
        }
        check_sums(&window);
    }
}

#[test]
fn ten_thousand_random_schedules_agree_with_a_model_that_keeps_everything_w1_w2() {
    match std::env::var("MAINSTAY_SEED") {
        Ok(seed) => run(seed.parse().expect("MAINSTAY_SEED is a number")),
        Err(_) => (0..10_000).for_each(run),
    }
}
