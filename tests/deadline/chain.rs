//! Hops in a row, each with a server's layer and a client's stack of the real layers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::breaker::{BreakerConfig, BreakerLayer};
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::context::Carrier;
use mainstay::deadline::{DeadlineClientConfig, DeadlineServerConfig, Format};
use mainstay::retry::{Jitter, RetryConfig, RetryLayer};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{Deadline, Error, error};
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::kit::{Note, client, millis, server};
use crate::{MS, SECOND};

/// What a hop answers that went wrong, whatever it was: as a status tells it.
#[derive(Debug)]
struct Broken;

type Hop = BoxCloneSyncService<Note, (), Error<Broken>>;

#[derive(Clone, Debug, Default)]
struct Diary(Arc<Mutex<Vec<Entry>>>);

/// One request in one hop.
#[derive(Clone, Debug)]
struct Entry {
    hop: &'static str,
    said: Duration,
    left: Duration,
    ended: Option<Instant>,
}

impl Diary {
    fn begin(&self, hop: &'static str, note: &Note) -> Stay {
        let deadline = Deadline::current().expect("every hop has one");
        assert_eq!(note.deadline(), Some(deadline));
        let mut said = note.get_all(Format::MILLIS.field());
        let entry = Entry {
            hop,
            said: Format::MILLIS.parse(said.next().unwrap()).unwrap(),
            left: deadline.remaining(Instant::now()),
            ended: None,
        };
        assert_eq!(said.next(), None, "one field");
        let mut entries = self.0.lock().unwrap();
        entries.push(entry);
        Stay(self.clone(), entries.len() - 1)
    }

    fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap().clone()
    }
}

/// Notes when a handler ended, however it did.
struct Stay(Diary, usize);

impl Drop for Stay {
    fn drop(&mut self) {
        self.0.0.lock().unwrap()[self.1].ended = Some(Instant::now());
    }
}

/// The way to a process of its own: what is attached does not go along, nor does the task's context,
/// and who gives a call up does not end it there.
fn wire(hop: Hop) -> Hop {
    let sent = service_fn(move |note: Note| {
        let hop = hop.clone();
        async move {
            sleep(2 * MS).await;
            let mut arrives = Note::default();
            for (name, value) in note.fields() {
                arrives = arrives.with(name, value);
            }
            let answer = tokio::spawn(hop.oneshot(arrives)).await.unwrap();
            sleep(2 * MS).await;
            answer.map_err(|_| Broken)
        }
    });
    let sent = ServiceBuilder::new().layer(error::layer()).service(sent);
    BoxCloneSyncService::new(sent)
}

/// A client's stack in the order of the README.
fn stack(hop: Hop) -> Hop {
    let retry = RetryConfig::default().base(20 * MS).jitter(Jitter::None);
    let timeout = TimeoutConfig::default().limit(30 * SECOND);
    let stack = ServiceBuilder::new()
        .layer(BulkheadLayer::new("next", BulkheadConfig::default()).unwrap())
        .layer(RetryLayer::new("next", retry).unwrap())
        .layer(BreakerLayer::new("next", BreakerConfig::default()).unwrap())
        .layer(TimeoutLayer::new("next", timeout).unwrap())
        .layer(client(DeadlineClientConfig::default()))
        .service(wire(hop));
    BoxCloneSyncService::new(stack)
}

/// Works for 10 ms, and passes the request on as it came, fields included.
fn hop(name: &'static str, diary: &Diary, next: Hop) -> Hop {
    let (diary, next) = (diary.clone(), stack(next));
    let handler = service_fn(move |note: Note| {
        let (diary, next) = (diary.clone(), next.clone());
        async move {
            let _stay = diary.begin(name, &note);
            sleep(10 * MS).await;
            next.oneshot(note).await
        }
    });
    let served = ServiceBuilder::new()
        .layer(server(DeadlineServerConfig::default()))
        .service(handler);
    BoxCloneSyncService::new(served)
}

/// Fails at once as often as told, and then hangs.
fn leaf(diary: &Diary, failures: u32) -> Hop {
    let (diary, left) = (diary.clone(), Arc::new(Mutex::new(failures)));
    let handler = service_fn(move |note: Note| {
        let stay = diary.begin("leaf", &note);
        let fails = {
            let mut left = left.lock().unwrap();
            let fails = *left > 0;
            *left = left.saturating_sub(1);
            fails
        };
        async move {
            let _stay = stay;
            if fails {
                return Err(Error::Inner(Broken));
            }
            std::future::pending().await
        }
    });
    let served = ServiceBuilder::new()
        .layer(server(DeadlineServerConfig::default()))
        .service(handler);
    BoxCloneSyncService::new(served)
}

#[tokio::test(start_paused = true)]
async fn over_three_hops_the_time_left_only_shrinks_and_no_hop_outlives_its_caller() {
    let diary = Diary::default();
    let middle = hop("middle", &diary, leaf(&diary, 0));
    let root = hop("root", &diary, middle);
    let began = Instant::now();
    assert!(root.oneshot(millis(250)).await.is_err());
    let took = began.elapsed();
    sleep(SECOND).await;

    let entries = diary.entries();
    let hops: Vec<_> = entries.iter().map(|entry| entry.hop).collect();
    assert_eq!(hops, ["root", "middle", "leaf"]);
    for pair in entries.windows(2) {
        let (outer, inner) = (&pair[0], &pair[1]);
        // 10 ms of work, 5 ms of margin; what the way takes is not known, and is what the margin is for.
        assert!(inner.said + 15 * MS <= outer.left, "{entries:?}");
        assert!(inner.left <= inner.said, "{entries:?}");
        assert!(inner.ended.unwrap() <= outer.ended.unwrap(), "{entries:?}");
    }
    assert!(took <= 251 * MS, "{took:?}");
    assert!(entries[0].ended.unwrap() - began <= 251 * MS);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_told_what_is_left_then() {
    let diary = Diary::default();
    let root = hop("root", &diary, leaf(&diary, 2));
    assert!(root.oneshot(millis(250)).await.is_err());
    let said: Vec<_> = diary.entries().iter().map(|entry| entry.said).collect();
    // Each attempt is 4 ms on its way; the back-offs are 20 ms and 40 ms.
    assert_eq!(said, [250 * MS, 235 * MS, 211 * MS, 167 * MS]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_cannot_end_in_time_is_not_waited_for() {
    let diary = Diary::default();
    let root = hop("root", &diary, leaf(&diary, u32::MAX));
    let began = Instant::now();
    let answer = root.oneshot(millis(34)).await;
    assert!(matches!(answer, Err(Error::Inner(Broken))), "{answer:?}");
    // 10 ms of work and 4 ms on the way leave 20 ms, which is the back-off.
    let entries = diary.entries();
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert!(began.elapsed() < 15 * MS, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_hop_without_time_for_another_does_not_call_it() {
    let diary = Diary::default();
    let root = hop("root", &diary, leaf(&diary, 0));
    let began = Instant::now();
    let answer = root.oneshot(millis(15)).await;
    let Err(Error::Rejected(refusal)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (refusal.layer(), refusal.executed()),
        ("db", mainstay::Executed::No)
    );
    assert_eq!(diary.entries().len(), 1);
    assert!(began.elapsed() <= 11 * MS, "at once: {:?}", began.elapsed());
}
