//! Random schedules against a model; `MAINSTAY_SEED` re-runs one.

use std::panic::catch_unwind;

use http::HeaderMap;
use http_body::Body;
use mainstay::Rng;

use crate::support::{Item, Reader, Source, State, poll_in_the_middle};

fn draw(rng: &Rng, below: usize) -> usize {
    usize::try_from(rng.bits() % below as u64).unwrap()
}

fn items(rng: &Rng) -> Vec<Item> {
    let mut items: Vec<Item> = (0..draw(rng, 7))
        .map(|_| {
            Item::Data(
                (0..draw(rng, 5))
                    .map(|_| rng.bits().to_le_bytes()[0])
                    .collect(),
            )
        })
        .collect();
    match draw(rng, 6) {
        0 => items.push(Item::Error),
        1 | 2 => {
            let mut trailers = HeaderMap::new();
            trailers.insert("t", rng.bits().to_string().parse().unwrap());
            items.push(Item::Trailers(trailers));
        }
        _ => {}
    }
    items
}

/// What a reader of the whole body has read.
fn whole(items: &[Item]) -> (Vec<u8>, Option<HeaderMap>, State) {
    let (mut read, mut trailers, mut state) = (Vec::new(), None, State::Ended);
    for item in items {
        match item {
            Item::Data(data) => read.extend_from_slice(data),
            Item::Trailers(map) => trailers = Some(map.clone()),
            Item::Error | Item::Panic => state = State::Failed,
        }
    }
    (read, trailers, state)
}

struct Run {
    items: Vec<Item>,
    source: Source,
    readers: Vec<Reader>,
}

impl Run {
    fn check(&self) {
        let (read, trailers, state) = whole(&self.items);
        for reader in &self.readers {
            assert!(read.starts_with(&reader.read), "I1: {:?}", reader.read);
            if reader.state == State::Ended {
                assert_eq!(reader.read, read, "I2");
                assert_eq!(reader.trailers, trailers, "I2");
                assert_eq!(state, State::Ended, "I2");
            }
            if reader.request.body().is_end_stream() {
                assert_eq!((&reader.read, &reader.trailers), (&read, &trailers), "I2");
                assert_eq!(state, State::Ended, "I2");
            }
            if self.readers.iter().any(Reader::is_intact) {
                assert!(!matches!(reader.state, State::Lost | State::Failed), "I1");
            }
        }
    }

    /// As an executor would: whoever waits is polled only when it was woken. Of the readers in
    /// `stalled` nobody polls any, as when a transport has no room to send.
    fn finish(&mut self, stalled: &[bool]) {
        for _ in 0..=self.items.len() {
            self.source.release();
        }
        while let Some(reader) =
            self.readers
                .iter_mut()
                .zip(stalled)
                .find_map(|(reader, stalled)| {
                    let due =
                        !stalled && !reader.is_done() && (!reader.waiting || reader.was_woken());
                    due.then_some(reader)
                })
        {
            reader.poll();
            self.check();
        }
        for (reader, stalled) in self.readers.iter().zip(stalled) {
            assert!(*stalled || reader.is_done(), "I5");
        }
    }

    fn step(&mut self, rng: &Rng) {
        let at = draw(rng, self.readers.len());
        match draw(rng, 12) {
            0 | 1 => self.readers.extend(self.readers[at].copy()),
            2 if self.readers.len() > 1 => drop(self.readers.swap_remove(at)),
            3..=5 => self.source.release(),
            6 | 7 if self.readers.len() > 1 => {
                let second = self.readers.swap_remove(at);
                let at = draw(rng, self.readers.len());
                let first = &mut self.readers[at];
                let second = if first.is_done() || second.is_done() {
                    second
                } else {
                    poll_in_the_middle(first, second).2
                };
                self.readers.push(second);
            }
            _ if !self.readers[at].is_done() => drop(self.readers[at].poll()),
            _ => {}
        }
        self.check();
    }
}

fn run(seed: u64) {
    let rng = Rng::seeded(seed);
    let items = items(&rng);
    let source = Source::of(items.clone());
    let first = Reader::first(&source, draw(&rng, 24));
    let mut run = Run {
        items,
        source,
        readers: vec![first],
    };
    for _ in 0..draw(&rng, 40) {
        run.step(&rng);
    }
    let stalled: Vec<bool> = run.readers.iter().map(|_| draw(&rng, 4) == 0).collect();
    run.finish(&stalled);
}

#[test]
fn random_readers_get_the_body_byte_for_byte_and_none_is_left_waiting() {
    if let Ok(seed) = std::env::var("MAINSTAY_SEED") {
        return run(seed.parse().unwrap());
    }
    for seed in 0..20_000 {
        let ran = catch_unwind(|| run(seed));
        assert!(ran.is_ok(), "run again with MAINSTAY_SEED={seed}");
    }
}
