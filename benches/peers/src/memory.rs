//! What is held: by a layer, by a call in flight, by a key.

use std::time::Duration;

use crate::grow::{HANG, Hanging, begun};
use crate::ours::plain as mainstay;
use crate::peers::{recloser, seatbelt, stores, tower, tower_resilience};
use crate::subject::Call;
use crate::{alloc, cases};

const LIMIT: Duration = Duration::from_secs(30);
const WINDOW: Duration = Duration::from_secs(10);
const CALLS: u64 = 1000;
const KEYS: u64 = 10_000;

/// Lines of what, of whom, and how many bytes: those of the layer's own, of a service, of a call.
pub fn print() {
    let runtime = crate::measure::runtime();
    let _entered = runtime.enter();
    service("timeout", "mainstay", || {
        mainstay::layers::timeout(Hanging, LIMIT)
    });
    service("timeout", "tower", || tower::timeout(Hanging, LIMIT));
    service("timeout", "tower-resilience", || {
        tower_resilience::timeout(Hanging, LIMIT)
    });
    service("timeout", "seatbelt", || seatbelt::timeout(Hanging, LIMIT));
    service("retry", "mainstay", || mainstay::layers::retry(Hanging));
    service("retry", "tower", || tower::retry(Hanging));
    service("retry", "tower-resilience", || {
        tower_resilience::retry(Hanging)
    });
    service("retry", "seatbelt", || seatbelt::retry(Hanging));
    service("breaker of 100 calls", "mainstay", || {
        mainstay::layers::breaker_of_calls(Hanging, 100)
    });
    service("breaker of 100 calls", "recloser", || {
        recloser::breaker(Hanging)
    });
    service("breaker of 100 calls", "tower-resilience", || {
        tower_resilience::breaker_of_calls(Hanging, 100)
    });
    service("breaker of 100 000 calls", "mainstay", || {
        mainstay::layers::breaker_of_calls(Hanging, 100_000)
    });
    service("breaker of 10 s", "mainstay", || {
        mainstay::layers::breaker_of_time(Hanging, WINDOW)
    });
    service("breaker of 10 s", "seatbelt", || seatbelt::breaker(Hanging));
    service("breaker of 1 h", "mainstay", || {
        mainstay::layers::breaker_of_time(Hanging, Duration::from_secs(3600))
    });
    service("bulkhead", "mainstay", || {
        mainstay::layers::bulkhead(Hanging, 20_000)
    });
    service("bulkhead", "tower", || {
        tower::concurrency_limit(Hanging, 20_000)
    });
    service("bulkhead", "tower-resilience", || {
        tower_resilience::bulkhead(Hanging, 20_000)
    });
    service("stack of four", "mainstay", || {
        mainstay::stacks::four(Hanging)
    });
    service("stack of four", "best-of-peers", || {
        cases::best_of_peers(Hanging)
    });
    service("stack of four", "seatbelt", || seatbelt::stack(Hanging));
    service("stack of four", "tower-resilience", || {
        tower_resilience::stack(Hanging)
    });
    waiter();
    execution();
    key::<mainstay::keys::OurStore>("mainstay");
    key::<stores::Moka>("moka");
    key::<stores::Quick>("quick_cache");
}

fn line(what: &str, who: &str, bytes: [Option<u64>; 3]) {
    let bytes = bytes.map(|bytes| bytes.map_or("—".to_owned(), |bytes| bytes.to_string()));
    println!("{what}\t{who}\t{}", bytes.join("\t"));
}

fn held(work: i64, among: u64) -> Option<u64> {
    u64::try_from(work).ok().map(|bytes| bytes / among)
}

fn service<S: Call<u64>>(what: &str, who: &str, make: impl Fn() -> S) {
    // The first one fills what is made once for all of them.
    drop(make());
    let (mut service, layer) = alloc::measure(make);
    let mut hung = Vec::with_capacity(CALLS as usize);
    let calls = CALLS.min(900);
    let ((), in_flight) = alloc::measure(|| {
        hung.extend((0..calls).map(|call| begun(&mut service, HANG + call)));
    });
    let bytes = [
        held(layer.held, 1),
        Some(size_of::<S>() as u64),
        held(in_flight.held, calls),
    ];
    line(what, who, bytes);
}

fn waiter() {
    let mut service = mainstay::grow::bulkhead(Hanging, 1);
    let _holder = begun(&mut service, HANG);
    let mut waiting = Vec::with_capacity(CALLS as usize);
    let ((), allocated) = alloc::measure(|| {
        waiting.extend((0..CALLS).map(|_| begun(&mut service, 0)));
    });
    let bytes = held(allocated.held, CALLS);
    line(
        "a call that waits in a bulkhead",
        "mainstay",
        [None, None, bytes],
    );
}

fn execution() {
    let mut service = mainstay::keys::layer(Hanging, 40_000);
    let runtime = crate::measure::runtime();
    let mut hung = Vec::with_capacity(CALLS as usize);
    let ((), allocated) = alloc::measure(|| {
        runtime.block_on(async {
            hung.extend((0..CALLS).map(|call| begun(&mut service, HANG + call)));
            for _ in 0..CALLS {
                tokio::task::yield_now().await;
            }
        });
    });
    let bytes = held(allocated.held, CALLS);
    line(
        "an execution under a key, its key and its task",
        "mainstay",
        [None, None, bytes],
    );
}

fn key<K: stores::Keys>(who: &str) {
    let store = K::of(2 * KEYS);
    let ((), allocated) = alloc::measure(|| {
        for number in 0..KEYS {
            assert!(store.claim(number) && store.finish(number, &[7; 256]));
        }
    });
    let bytes = held(allocated.held, KEYS);
    line("a key with a record of 256 bytes", who, [None, None, bytes]);
}
