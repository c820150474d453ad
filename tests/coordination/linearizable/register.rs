//! The resource: one number, behind a gate.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as Poller, Waker};
use std::time::Duration;

use mainstay::coordination::{FencingGate, FencingToken, GateError, Permit};
use mainstay::test_util::simulator::Context;

use super::world::{Guard, Node, Record, Said};

/// How long a write is inside, at most; one of ten takes as much, which is longer than its client waits.
const WORK: u64 = 800_000_000;

struct Write {
    due: Duration,
    to: usize,
    token: FencingToken,
    number: u64,
    value: u64,
    _permit: Option<Permit>,
}

struct Seal {
    to: usize,
    token: FencingToken,
    sealed: Pin<Box<dyn Future<Output = Result<(), GateError>>>>,
}

pub(super) struct Register {
    guard: Guard,
    gate: FencingGate,
    value: u64,
    /// The last write of the last term: one that comes twice is one.
    last: Option<(FencingToken, u64)>,
    writes: Vec<Write>,
    seals: Vec<Seal>,
    pub(super) refused: u64,
}

fn work(random: u64) -> Duration {
    let most = if random % 10 == 0 { WORK } else { WORK / 20 };
    Duration::from_nanos(random / 10 % most)
}

impl Register {
    pub(super) fn new(guard: Guard, kept: Option<Record>) -> Self {
        let Record {
            value, high, last, ..
        } = kept.unwrap_or_default();
        Self {
            guard,
            gate: FencingGate::in_memory(high),
            value,
            last,
            writes: Vec::new(),
            seals: Vec::new(),
            refused: 0,
        }
    }

    pub(super) const fn value(&self) -> u64 {
        self.value
    }

    pub(super) fn wakes(&self) -> Option<Duration> {
        self.writes.iter().map(|write| write.due).min()
    }

    fn keep(&self, cx: &mut Context<'_, Node>) {
        cx.write(Record {
            value: self.value,
            high: self.gate.snapshot().high(),
            last: self.last,
            lease: None,
        });
    }

    fn enter(
        &mut self,
        token: FencingToken,
        cx: &mut Context<'_, Node>,
    ) -> Result<Option<Permit>, ()> {
        if self.guard == Guard::Nothing {
            return Ok(None);
        }
        let before = self.gate.snapshot().high();
        let Ok(permit) = self.gate.try_enter(token) else {
            self.refused += 1;
            return Err(());
        };
        if self.gate.snapshot().high() != before {
            // The floor first, and then what comes in.
            self.keep(cx);
        }
        Ok(Some(permit))
    }

    pub(super) fn hear(&mut self, to: usize, said: Said, cx: &mut Context<'_, Node>) {
        match said {
            Said::Read { token, number } => {
                let said = match self.enter(token, cx) {
                    Ok(_permit) => Said::Value {
                        token,
                        number,
                        value: self.value,
                    },
                    Err(()) => Said::Stale(token),
                };
                cx.send(to, said);
            }
            Said::Write {
                token,
                number,
                value,
            } => match self.enter(token, cx) {
                Ok(permit) => self.writes.push(Write {
                    due: cx.now() + work(cx.random()),
                    to,
                    token,
                    number,
                    value,
                    _permit: permit,
                }),
                Err(()) => cx.send(to, Said::Stale(token)),
            },
            Said::Seal(token) if self.guard == Guard::Sealed => {
                let gate = self.gate.clone();
                let sealed = Box::pin(async move { gate.seal(token).await });
                self.seals.push(Seal { to, token, sealed });
            }
            Said::Seal(token) => cx.send(to, Said::Sealed(token)),
            _ => unreachable!("{said:?} is not for a register"),
        }
        self.settle(cx);
    }

    pub(super) fn wake(&mut self, cx: &mut Context<'_, Node>) {
        let now = cx.now();
        let (due, rest) = std::mem::take(&mut self.writes)
            .into_iter()
            .partition(|write| write.due <= now);
        self.writes = rest;
        for write in due {
            let Write {
                to,
                token,
                number,
                value,
                ..
            } = write;
            // Within a term a client writes in order; a write that comes twice is one.
            if self.last < Some((token, number)) || self.last.is_some_and(|last| last.0 > token) {
                self.value = value;
                self.last = Some((token, number));
                self.keep(cx);
            }
            cx.send(to, Said::Written { token, number });
        }
        self.settle(cx);
    }

    /// Answers the seals that are done.
    fn settle(&mut self, cx: &mut Context<'_, Node>) {
        let mut poller = Poller::from_waker(Waker::noop());
        let before = self.gate.snapshot().high();
        let mut done = Vec::new();
        self.seals
            .retain_mut(|seal| match seal.sealed.as_mut().poll(&mut poller) {
                std::task::Poll::Pending => true,
                std::task::Poll::Ready(sealed) => {
                    done.push((seal.to, seal.token, sealed.is_ok()));
                    false
                }
            });
        if before != self.gate.snapshot().high() || !done.is_empty() {
            self.keep(cx);
        }
        for (to, token, is_sealed) in done {
            let said = if is_sealed {
                Said::Sealed(token)
            } else {
                Said::Stale(token)
            };
            cx.send(to, said);
        }
    }
}
