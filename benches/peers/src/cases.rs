//! Every case: what is measured, of whom, and how it is set up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::tower::BoxError;

use crate::grow;
use crate::ours::{full, plain};
use crate::peers::{failsafe, recloser, seatbelt, stores, tower, tower_resilience};
use crate::subject::{
    Answer, AnswerLater, FAIL, Http, Outcome, Request, Subject, call, http, numbers, refusing,
    subject, timed, work,
};
use crate::trace;

const LIMIT: Duration = Duration::from_secs(30);
const WINDOW: Duration = Duration::from_secs(10);

/// Who is measured first in each row, and in which builds.
pub const OURS: [&str; 4] = [
    "mainstay",
    "mainstay+recorder",
    "mainstay-full",
    "mainstay-full+recorder",
];

pub struct Case {
    pub row: &'static str,
    pub who: &'static str,
    /// Of a row that grows: how many.
    pub at: Option<u64>,
    pub recorder: bool,
    pub threads: u8,
    pub set_up: Box<dyn Fn() -> Subject>,
}

impl Case {
    pub fn name(&self) -> String {
        match self.at {
            Some(at) => format!("{}/{}@{at}", self.row, self.who),
            None => format!("{}/{}", self.row, self.who),
        }
    }
}

pub fn named(name: &str) -> Case {
    let mut cases = all().into_iter();
    cases
        .find(|case| case.name() == name)
        .expect("the name of a case")
}

pub fn all() -> Vec<Case> {
    let mut cases = Cases(Vec::new());
    floors(&mut cases);
    timeouts(&mut cases);
    retries(&mut cases);
    breakers(&mut cases);
    open_breakers(&mut cases);
    bulkheads(&mut cases);
    keys(&mut cases);
    traces(&mut cases);
    stacks(&mut cases);
    grow::add(&mut cases);
    cases.0
}

pub struct Cases(Vec<Case>);

impl Cases {
    pub fn add(&mut self, row: &'static str, who: &'static str, set_up: fn() -> Subject) {
        self.0.push(Case {
            row,
            who,
            at: None,
            recorder: who.ends_with("+recorder"),
            threads: 2,
            set_up: Box::new(set_up),
        });
    }

    /// On one thread only.
    fn add_alone(&mut self, row: &'static str, who: &'static str, set_up: fn() -> Subject) {
        self.add(row, who, set_up);
        if let Some(case) = self.0.last_mut() {
            case.threads = 1;
        }
    }

    pub fn add_at(
        &mut self,
        row: &'static str,
        who: &'static str,
        at: &[u64],
        set_up: fn(u64) -> Subject,
    ) {
        self.0.extend(at.iter().map(|&at| Case {
            row,
            who,
            at: Some(at),
            recorder: false,
            threads: 1,
            set_up: Box::new(move || set_up(at)),
        }));
    }
}

/// A row's cases of this crate: either build, without a recorder of metrics and with one.
macro_rules! ours {
    ($cases:expr, $row:literal, |$mainstay:ident| $make:expr) => {{
        fn of_plain() -> Subject {
            use plain as $mainstay;
            $make
        }
        fn of_full() -> Subject {
            use full as $mainstay;
            $make
        }
        $cases.add($row, OURS[0], of_plain);
        $cases.add($row, OURS[1], of_plain);
        $cases.add($row, OURS[2], of_full);
        $cases.add($row, OURS[3], of_full);
    }};
}

fn floors(cases: &mut Cases) {
    cases.add("floor", "call", || numbers(Answer));
    cases.add("floor", "call-pends", || numbers(AnswerLater));
    cases.add("floor", "http-call", || http(Answer));
    cases.add("floor", "http-call-timed", || {
        subject::<Http, _>(Outcome::Each(200), timed, Answer)
    });
    cases.add("floor", "clock", || {
        let start = Instant::now();
        work(Outcome::Each(1), 0, move |_| {
            (Instant::now() >= start).then_some(1).ok_or(())
        })
    });
    cases.add("floor", "arc-pair", || {
        let shared = Arc::new(1);
        work(Outcome::Each(1), 0, move |_| {
            Ok::<u64, ()>(*std::hint::black_box(Arc::clone(&shared)))
        })
    });
}

fn timeouts(cases: &mut Cases) {
    ours!(cases, "timeout", |mainstay| numbers(
        mainstay::layers::timeout(Answer, LIMIT)
    ));
    cases.add("timeout", "tower", || {
        numbers(tower::timeout(Answer, LIMIT))
    });
    cases.add("timeout", "tower-resilience", || {
        numbers(tower_resilience::timeout(Answer, LIMIT))
    });
    cases.add("timeout", "seatbelt", || {
        numbers(seatbelt::timeout(Answer, LIMIT))
    });
    cases.add("timeout", "seatbelt-layered", seatbelt::native::timeout);

    ours!(cases, "timeout-pends", |mainstay| numbers(
        mainstay::layers::timeout(AnswerLater, LIMIT)
    ));
    cases.add("timeout-pends", "tower", || {
        numbers(tower::timeout(AnswerLater, LIMIT))
    });
    cases.add("timeout-pends", "tower-resilience", || {
        numbers(tower_resilience::timeout(AnswerLater, LIMIT))
    });
    cases.add("timeout-pends", "seatbelt", || {
        numbers(seatbelt::timeout(AnswerLater, LIMIT))
    });
    cases.add(
        "timeout-pends",
        "seatbelt-layered",
        seatbelt::native::timeout_later,
    );
}

fn retries(cases: &mut Cases) {
    ours!(cases, "retry", |mainstay| numbers(mainstay::layers::retry(
        Answer
    )));
    cases.add("retry", "tower", || numbers(tower::retry(Answer)));
    cases.add("retry", "tower-resilience", || {
        numbers(tower_resilience::retry(Answer))
    });
    cases.add("retry", "seatbelt", || numbers(seatbelt::retry(Answer)));
    cases.add("retry", "seatbelt-layered", seatbelt::native::retry);
}

fn breakers(cases: &mut Cases) {
    ours!(cases, "breaker-calls", |mainstay| numbers(
        mainstay::layers::breaker_of_calls(Answer, 100)
    ));
    cases.add("breaker-calls", "recloser", || {
        numbers(recloser::breaker(Answer))
    });
    cases.add("breaker-calls", "recloser-without-service", || {
        let breaker = Arc::new(recloser::recloser());
        work(Outcome::Next, 0, move |number: u64| {
            breaker.call(|| number.answer())
        })
    });
    cases.add("breaker-calls", "tower-resilience", || {
        numbers(tower_resilience::breaker_of_calls(Answer, 100))
    });

    ours!(cases, "breaker-row", |mainstay| numbers(
        mainstay::layers::breaker_in_a_row(Answer)
    ));
    cases.add("breaker-row", "failsafe", || {
        numbers(failsafe::breaker_in_a_row(Answer))
    });
    cases.add("breaker-row", "tower-resilience", || {
        numbers(tower_resilience::breaker_in_a_row(Answer))
    });

    ours!(cases, "breaker-time", |mainstay| numbers(
        mainstay::layers::breaker_of_time(Answer, WINDOW)
    ));
    cases.add("breaker-time", "failsafe", || {
        numbers(failsafe::breaker_of_time(Answer, WINDOW))
    });
    cases.add("breaker-time", "seatbelt", || {
        numbers(seatbelt::breaker(Answer))
    });
    cases.add(
        "breaker-time",
        "seatbelt-layered",
        seatbelt::native::breaker,
    );
    // It looks at every call in its window, so that ten seconds of calls cannot be measured.
    cases.add("breaker-time", "tower-resilience-100us", || {
        numbers(tower_resilience::breaker_of_time(
            Answer,
            Duration::from_micros(100),
        ))
    });
    cases.add("breaker-time", "tower-resilience-10ms", || {
        numbers(tower_resilience::breaker_of_time(
            Answer,
            Duration::from_millis(10),
        ))
    });
}

/// Fails until the circuit has opened.
pub fn opened(mut service: impl crate::subject::Call<u64>) -> Subject {
    for _ in 0..500 {
        assert!(call(&mut service, FAIL).is_err());
    }
    refusing(service)
}

fn open_breakers(cases: &mut Cases) {
    ours!(cases, "breaker-open", |mainstay| opened(
        mainstay::layers::breaker_of_flat_errors(Answer, WINDOW)
    ));
    cases.add("breaker-open", "mainstay-boxed-error", || {
        opened(plain::layers::breaker_of_time(Answer, WINDOW))
    });
    cases.add("breaker-open", "recloser", || {
        opened(recloser::breaker(Answer))
    });
    cases.add("breaker-open", "failsafe", || {
        opened(failsafe::breaker_in_a_row(Answer))
    });
    cases.add("breaker-open", "seatbelt", || {
        opened(seatbelt::breaker(Answer))
    });
    // Open and contended, it sleeps for a millisecond before it refuses: that is no cost of a call.
    cases.add_alone("breaker-open", "tower-resilience", || {
        opened(tower_resilience::breaker_of_calls(Answer, 100))
    });
}

fn bulkheads(cases: &mut Cases) {
    ours!(cases, "bulkhead", |mainstay| numbers(
        mainstay::layers::bulkhead(Answer, 1000)
    ));
    cases.add("bulkhead", "tower", || {
        numbers(tower::concurrency_limit(Answer, 1000))
    });
    cases.add("bulkhead", "tower-load-shed", || {
        numbers(tower::load_shed(Answer, 1000))
    });
    cases.add("bulkhead", "tower-resilience", || {
        numbers(tower_resilience::bulkhead(Answer, 1000))
    });
}

fn keys(cases: &mut Cases) {
    ours!(cases, "idempotency-hit", |mainstay| {
        mainstay::keys::layer_hit(Answer)
    });
    cases.add("idempotency-hit", "tower-resilience", || {
        let seven = |_: u64| std::future::ready(Ok::<_, BoxError>(7));
        let mut service = tower_resilience::cache(::tower::service_fn(seven));
        for number in 0..stores::KEYS {
            assert_eq!(call(&mut service, number).ok(), Some(7));
        }
        subject(Outcome::Each(7), |number| number % stores::KEYS, service)
    });
    ours!(cases, "idempotency-miss", |mainstay| {
        mainstay::keys::layer_miss(Answer)
    });
    cases.add("idempotency-miss", "tower-resilience", || {
        grow::unique(tower_resilience::cache(Answer))
    });
    ours!(cases, "store-hit", |mainstay| stores::hit::<
        mainstay::keys::OurStore,
    >(stores::KEYS));
    cases.add("store-hit", "moka", || {
        stores::hit::<stores::Moka>(stores::KEYS)
    });
    cases.add("store-hit", "quick_cache", || {
        stores::hit::<stores::Quick>(stores::KEYS)
    });
    ours!(cases, "store-miss", |mainstay| stores::miss::<
        mainstay::keys::OurStore,
    >(stores::KEYS));
    cases.add("store-miss", "moka", || {
        stores::miss::<stores::Moka>(stores::KEYS)
    });
    cases.add("store-miss", "quick_cache", || {
        stores::miss::<stores::Quick>(stores::KEYS)
    });
}

fn traces(cases: &mut Cases) {
    ours!(cases, "trace", |mainstay| http(
        mainstay::layers::trace_both(Answer)
    ));
    cases.add("trace", "mainstay-current", || {
        http(plain::layers::trace_current(Answer))
    });
    cases.add("trace", "mainstay-values", || {
        http(trace::rewritten(Answer, plain::layers::trace_values))
    });
    cases.add("trace", "opentelemetry-values", || {
        http(trace::opentelemetry(Answer))
    });
    cases.add("trace", "tower-otel-server-no-subscriber", || {
        http(trace::tower_otel_server(Answer))
    });
    cases.add("trace", "tower-otel-both", || {
        http(trace::tower_otel_both(Answer))
    });

    ours!(cases, "deadline-server", |mainstay| {
        let service = mainstay::layers::deadline_server(Answer);
        subject(Outcome::Each(200), timed, service)
    });
    ours!(cases, "deadline-both", |mainstay| {
        let service = mainstay::layers::deadline_both(Answer);
        subject(Outcome::Each(200), timed, service)
    });
}

/// tower's timeout, retry and limit, with recloser's breaker between.
pub fn best_of_peers<Q: Request>(
    inner: impl crate::subject::Inner<Q>,
) -> impl crate::subject::Inner<Q> {
    let breaker = recloser::breaker(tower::timeout(inner, LIMIT));
    tower::concurrency_limit(tower::retry(breaker), 1000)
}

fn stacks(cases: &mut Cases) {
    ours!(cases, "stack4", |mainstay| numbers(mainstay::stacks::four(
        Answer
    )));
    cases.add("stack4", "mainstay-time-window", || {
        numbers(plain::stacks::four_by_time(Answer))
    });
    cases.add("stack4", "best-of-peers", || numbers(best_of_peers(Answer)));
    cases.add("stack4", "seatbelt", || numbers(seatbelt::stack(Answer)));
    cases.add("stack4", "tower-resilience", || {
        numbers(tower_resilience::stack(Answer))
    });

    ours!(cases, "stack5", |mainstay| http(mainstay::stacks::five(
        Answer
    )));
    cases.add("stack5", "best-of-peers", || {
        http(trace::opentelemetry(best_of_peers(Answer)))
    });
    cases.add("stack5", "tower-resilience", || {
        http(trace::opentelemetry(tower_resilience::stack(Answer)))
    });
}
