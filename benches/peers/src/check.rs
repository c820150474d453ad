//! That each service does what its row says: whoever does nothing is the fastest.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ::tower::{BoxError, Service};

use crate::grow::{HANG, Hanging, begun};
use crate::ours::{full, plain};
use crate::peers::{failsafe, recloser, seatbelt, stores, tower, tower_resilience};
use crate::subject::{Call, FAIL, Http, PARENT, Request, timed};
use crate::{cases, recorder, trace};

/// Runs all, and stops at the first that fails.
pub fn run() {
    recorder::install();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        timeouts().await;
        retries().await;
        breakers().await;
        bulkheads().await;
        keys().await;
        traces().await;
        deadlines().await;
        stacks().await;
    });
    let calls = recorder::counted("calls_total");
    assert!(calls > 0, "a recorder counts nothing");
    println!("checked: {calls} calls of this crate were counted by a recorder");
}

/// The same check of several services.
macro_rules! each {
    ($check:ident: $($name:literal => $service:expr),+ $(,)?) => {
        $(
            $check($name, $service).await;
            println!("{}: {}", stringify!($check), $name);
        )+
    };
}

async fn ask<Q: Request, S: Call<Q>>(service: &mut S, request: Q) -> Result<Q::Answer, String> {
    let said = |error: S::Error| format!("{error:?}");
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(said)?;
    service.call(request).await.map_err(said)
}

/// Counts the calls that it begins, and fails the first few, or those that are to fail. A breaker that is
/// given a future may make it and never poll it; that does not count.
#[derive(Clone, Debug, Default)]
struct Counted {
    calls: Arc<AtomicU64>,
    failures: u64,
}

impl Counted {
    fn failing(failures: u64) -> Self {
        Self {
            failures,
            ..Self::default()
        }
    }
}

impl Service<u64> for Counted {
    type Response = u64;
    type Error = BoxError;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<u64, BoxError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        let counted = self.clone();
        Box::pin(async move {
            let call = counted.calls.fetch_add(1, Relaxed);
            if call < counted.failures {
                FAIL
            } else {
                request
            }
            .answer()
        })
    }
}

async fn timeouts() {
    const LIMIT: Duration = Duration::from_millis(30);
    each!(it_times_out:
        "mainstay" => plain::layers::timeout(Hanging, LIMIT),
        "mainstay-full" => full::layers::timeout(Hanging, LIMIT),
        "tower" => tower::timeout(Hanging, LIMIT),
        "tower-resilience" => tower_resilience::timeout(Hanging, LIMIT),
        "seatbelt" => seatbelt::timeout(Hanging, LIMIT),
    );
}

async fn it_times_out(name: &str, mut service: impl Call<u64>) {
    let start = Instant::now();
    assert_eq!(ask(&mut service, 1).await, Ok(2), "{name}");
    assert!(ask(&mut service, HANG).await.is_err(), "{name}");
    let spent = start.elapsed();
    let allowed = Duration::from_millis(29)..Duration::from_secs(5);
    assert!(allowed.contains(&spent), "{name}: {spent:?}");
}

async fn retries() {
    macro_rules! of {
        ($($name:literal => $retry:path),+) => {$(
            let inner = Counted::failing(2);
            it_retries($name, &inner, $retry(inner.clone())).await;
            println!("it_retries: {}", $name);
        )+};
    }
    of!(
        "mainstay" => plain::layers::retry,
        "mainstay-full" => full::layers::retry,
        "tower" => tower::retry,
        "tower-resilience" => tower_resilience::retry,
        "seatbelt" => seatbelt::retry
    );
}

/// Two fail and the third succeeds; of what always fails there are three attempts.
async fn it_retries(name: &str, inner: &Counted, mut service: impl Call<u64>) {
    assert_eq!(ask(&mut service, 1).await, Ok(2), "{name}");
    assert_eq!(inner.calls.swap(1000, Relaxed), 3, "{name}");
    assert!(ask(&mut service, FAIL).await.is_err(), "{name}");
    assert_eq!(inner.calls.load(Relaxed), 1003, "{name}");
}

async fn breakers() {
    macro_rules! of {
        ($($name:literal: $most:literal => $breaker:expr),+ $(,)?) => {$(
            let inner = Counted::default();
            it_opens($name, &inner, [1000, $most + 200], $breaker(inner.clone())).await;
            println!("it_opens: {}", $name);
        )+};
    }
    failsafe_opens().await;
    let ten = Duration::from_secs(10);
    of!(
        "mainstay, calls": 100 => |inner| plain::layers::breaker_of_calls(inner, 100),
        "mainstay-full, calls": 100 => |inner| full::layers::breaker_of_calls(inner, 100),
        "mainstay, time": 100 => |inner| plain::layers::breaker_of_time(inner, ten),
        "mainstay-full, time": 100 => |inner| full::layers::breaker_of_time(inner, ten),
        "mainstay, in a row": 5 => plain::layers::breaker_in_a_row,
        "mainstay-full, in a row": 5 => full::layers::breaker_in_a_row,
        "recloser": 101 => recloser::breaker,
        "failsafe, in a row": 5 => failsafe::breaker_in_a_row,
        "seatbelt, time": 101 => seatbelt::breaker,
        "tower-resilience, calls": 100 => |inner| tower_resilience::breaker_of_calls(inner, 100),
        "tower-resilience, time": 100 => |inner| tower_resilience::breaker_of_time(inner, ten),
        "tower-resilience, in a row": 5 => tower_resilience::breaker_in_a_row,
    );
}

/// It opens by what failed within a time.
async fn failsafe_opens() {
    let window = Duration::from_millis(50);
    let inner = Counted::default();
    let start = Instant::now();
    let mut service = failsafe::breaker_of_time(inner.clone(), window);
    let mut asked = 0;
    while inner.calls.load(Relaxed) == asked {
        for _ in 0..20 {
            asked += 1;
            assert!(ask(&mut service, FAIL).await.is_err());
        }
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "failsafe stays closed"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let begun = inner.calls.load(Relaxed);
    println!(
        "it_opens: failsafe, time, after {begun} calls and {:?}",
        start.elapsed()
    );
}

/// It stays closed while one call in eight fails, opens when all do, and then lets none through. A window of
/// time has the first ones in it still.
async fn it_opens(name: &str, inner: &Counted, most: [u64; 2], mut service: impl Call<u64>) {
    for number in 0..400 {
        let request = if number % 8 == 0 { FAIL } else { number };
        let answer = ask(&mut service, request).await;
        assert_eq!(answer.is_ok(), request != FAIL, "{name}: call {number}");
    }
    let before = inner.calls.load(Relaxed);
    assert!(before >= 400, "{name}");
    for _ in 0..most[0] {
        assert!(ask(&mut service, FAIL).await.is_err(), "{name}");
    }
    let failures = inner.calls.load(Relaxed) - before;
    assert!((1..=most[1]).contains(&failures), "{name}: {failures}");
    let before = inner.calls.load(Relaxed);
    assert!(
        ask(&mut service, 1).await.is_err(),
        "{name} lets a call through"
    );
    assert_eq!(inner.calls.load(Relaxed), before, "{name} made a call");
}

async fn bulkheads() {
    each!(it_refuses_the_third:
        "mainstay" => plain::layers::bulkhead(Hanging, 2),
        "mainstay-full" => full::layers::bulkhead(Hanging, 2),
        "tower, load shed" => tower::load_shed(Hanging, 2),
        "tower-resilience" => tower_resilience::bulkhead(Hanging, 2),
    );
    let mut service = tower::concurrency_limit(Hanging, 2);
    let _hung = [begun(&mut service, HANG), begun(&mut service, HANG)];
    let ready = poll_fn(|cx| Poll::Ready(Service::<u64>::poll_ready(&mut service, cx))).await;
    assert!(ready.is_pending(), "tower's limit does not hold");
    println!("it_makes_the_third_wait: tower");
}

async fn it_refuses_the_third(name: &str, mut service: impl Call<u64>) {
    let first = begun(&mut service, HANG);
    let second = begun(&mut service, HANG);
    assert!(ask(&mut service, 1).await.is_err(), "{name}");
    drop(first);
    assert_eq!(ask(&mut service, 1).await, Ok(2), "{name}");
    drop(second);
}

async fn keys() {
    macro_rules! of {
        ($($name:literal => $layer:expr),+ $(,)?) => {$(
            let inner = Counted::default();
            let mut service = $layer(inner.clone());
            assert_eq!(ask(&mut service, 5).await, Ok(6), $name);
            assert!(ask(&mut service, 5).await.is_ok(), $name);
            assert_eq!(inner.calls.load(Relaxed), 1, $name);
            println!("it_runs_once: {}", $name);
        )+};
    }
    of!(
        "mainstay" => |inner| plain::keys::layer(inner, 100),
        "mainstay-full" => |inner| full::keys::layer(inner, 100),
        "tower-resilience" => tower_resilience::cache,
    );
    it_keeps::<plain::keys::OurStore>("mainstay");
    it_keeps::<full::keys::OurStore>("mainstay-full");
    it_keeps::<stores::Moka>("moka");
    it_keeps::<stores::Quick>("quick_cache");
}

fn it_keeps<K: stores::Keys>(name: &str) {
    let store = K::of(100);
    assert!(store.claim(1), "{name}");
    assert!(store.finish(1, &[7; 256]), "{name}");
    assert_eq!(store.replay(1), Some(256), "{name}");
    assert!(!store.claim(1), "{name}");
    assert!(store.purge(1) && store.claim(1), "{name}");
    println!("it_keeps: {name}");
}

/// Keeps the headers of the last request.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<http::HeaderMap>>);

impl Service<Http> for Kept {
    type Response = http::Response<()>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Http) -> Self::Future {
        *self.0.lock().expect("nothing panics inside") = request.headers().clone();
        std::future::ready(request.answer())
    }
}

impl Kept {
    fn header(&self, name: &str) -> String {
        let headers = self.0.lock().expect("nothing panics inside");
        let value = headers.get(name).expect("the header is there");
        value.to_str().expect("it is a text").to_owned()
    }
}

async fn traces() {
    macro_rules! of {
        ($($name:literal => $layer:expr),+ $(,)?) => {$(
            let inner = Kept::default();
            let mut service = $layer(inner.clone());
            ask(&mut service, Http::numbered(0)).await.expect($name);
            let sent = inner.header("traceparent");
            assert_eq!((sent.len(), &sent[..36]), (55, &PARENT[..36]), $name);
            assert_ne!(sent[36..52], PARENT[36..52], "{} sends its parent", $name);
            println!("it_goes_on_with_a_span_of_its_own: {}", $name);
        )+};
    }
    of!(
        "mainstay" => plain::layers::trace_both,
        "mainstay-full" => full::layers::trace_both,
        "mainstay, current" => plain::layers::trace_current,
        "mainstay, values" => |inner| trace::rewritten(inner, plain::layers::trace_values),
        "mainstay, stack of five" => |inner| plain::layers::trace_both(plain::stacks::four(inner)),
        "opentelemetry, values" => trace::opentelemetry,
        "tower-otel, both" => trace::tower_otel_both,
    );
}

async fn deadlines() {
    let inner = Kept::default();
    let mut service = plain::layers::deadline_both(inner.clone());
    ask(&mut service, timed(0)).await.expect("there is time");
    let left: u64 = inner
        .header("x-request-timeout-ms")
        .parse()
        .expect("a number");
    assert!((20_000..30_000).contains(&left), "{left} ms are left");
    println!("it_says_what_is_left: mainstay");
}

async fn stacks() {
    macro_rules! of {
        ($($name:literal => $stack:path),+ $(,)?) => {$(
            let inner = Counted::failing(2);
            it_retries($name, &inner, $stack(inner.clone())).await;
            let inner = Counted::default();
            it_opens($name, &inner, [150, 300], $stack(inner.clone())).await;
            println!("it_retries, it_opens: {}", $name);
        )+};
    }
    // Inside, every attempt counts.
    of!(
        "stack of mainstay" => plain::stacks::four,
        "stack of mainstay-full" => full::stacks::four,
        "stack of the best" => cases::best_of_peers,
        "stack of seatbelt" => seatbelt::stack,
        "stack of tower-resilience" => tower_resilience::stack,
    );
    holds_a_thousand("mainstay", plain::stacks::four(Hanging)).await;
    holds_a_thousand("mainstay-full", full::stacks::four(Hanging)).await;
    holds_a_thousand("the best", cases::best_of_peers(Hanging)).await;
    holds_a_thousand("seatbelt", seatbelt::stack(Hanging)).await;
    holds_a_thousand("tower-resilience", tower_resilience::stack(Hanging)).await;
}

/// The thousand and first is refused, or has to wait.
async fn holds_a_thousand<S: Call<u64>>(name: &str, mut service: S) {
    let hung: Vec<_> = (0..1000).map(|_| begun(&mut service, HANG)).collect();
    let is_ready = poll_fn(|cx| Poll::Ready(service.poll_ready(cx).is_ready())).await;
    assert!(
        !is_ready || service.call(1).await.is_err(),
        "{name}: more than a thousand run"
    );
    drop(hung);
    println!("it_holds_a_thousand: {name}");
}
