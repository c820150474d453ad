//! What leaders write to, behind the real gate.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll, Waker};

use crate::coordination::{
    FencingGate, FencingToken, Moment, Permit, StoreError, TokenRecord, TokenStore,
};
use crate::sync::Lock;
use crate::test_util::simulator::{Birth, Context, Input, Store};

use super::member::{Member, Report, Said, below};
use super::settings::{Broken, TTL};

pub(super) struct Resource {
    gate: FencingGate,
    disk: Disk,
    broken: Broken,
    /// Writes that are under way, with when they end.
    inside: Vec<(Moment, FencingToken, Option<Permit>)>,
    /// Who waits for their seal.
    sealing: Vec<(usize, FencingToken)>,
    pub(super) reports: Vec<Report>,
}

/// What the gate wrote, for the simulator's disk.
#[derive(Clone, Debug)]
struct Disk(Arc<Lock<Option<TokenRecord>>>);

impl TokenStore for Disk {
    fn load(&self) -> Option<TokenRecord> {
        *self.0.lock()
    }

    fn record(&self, record: TokenRecord) -> Result<(), StoreError> {
        *self.0.lock() = Some(record);
        Ok(())
    }
}

/// Whatever it waits for but others inside is done in the first two polls, outside of a runtime.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut cx = Cx::from_waker(Waker::noop());
    (0..3).find_map(|_| match future.as_mut().poll(&mut cx) {
        Poll::Ready(ready) => Some(ready),
        Poll::Pending => None,
    })
}

impl Resource {
    /// A resource that has lost its disk has nothing left to guard. Here it never does: it begins with what it
    /// wrote `before`, in whichever life.
    pub(super) fn born(
        broken: Broken,
        birth: &Birth<TokenRecord>,
        before: Option<TokenRecord>,
    ) -> Self {
        let record = match *birth.store() {
            Store::Kept(Some(record)) => Some(record),
            Store::Kept(None) | Store::Lost => before,
        };
        let disk = Disk(Arc::new(Lock::new(record)));
        Self {
            gate: FencingGate::durable(disk.clone()),
            disk,
            broken,
            inside: Vec::new(),
            sealing: Vec::new(),
            reports: Vec::new(),
        }
    }

    pub(super) fn wakes(&self) -> Option<Moment> {
        self.inside.iter().map(|(until, ..)| *until).min()
    }

    pub(super) fn handle(&mut self, input: Input<Said>, cx: &mut Context<'_, Member>) {
        self.reports.clear();
        let now = Moment::from_origin(cx.now());
        let before = self.disk.load();
        match input {
            Input::Message { from, message } => match message {
                Said::Seal(token) => self.sealing.push((from, token)),
                Said::Write(token) => self.enter(token, now, cx),
                _ => {}
            },
            Input::Wake => self.leave(now),
        }
        let sealed = self.seal();
        if let Some(record) = self.disk.load().filter(|record| Some(*record) != before) {
            cx.write(record);
        }
        for (to, token) in sealed {
            self.reports.push(Report::Sealed(token));
            cx.send(to, Said::Sealed(token));
        }
    }

    fn enter(&mut self, token: FencingToken, now: Moment, cx: &Context<'_, Member>) {
        let permit = match at_once(self.gate.enter(token)).expect("entering waits for no others") {
            Ok(permit) => Some(permit),
            Err(_) if self.broken == Broken::NoGate => None,
            Err(_) => return self.reports.push(Report::Refused),
        };
        let permit = permit.filter(|_| self.broken != Broken::NoDrain);
        let until = now.after(below(cx, TTL / 20));
        self.inside.push((until, token, permit));
    }

    fn leave(&mut self, now: Moment) {
        let reports = &mut self.reports;
        self.inside.retain(|(until, token, _)| {
            let stays = now < *until;
            if !stays {
                reports.push(Report::Wrote(*token));
            }
            stays
        });
    }

    /// Those that need not wait any more.
    fn seal(&mut self) -> Vec<(usize, FencingToken)> {
        let mut sealed = Vec::new();
        self.sealing.retain(|&(from, token)| {
            let answer = at_once(self.gate.seal(token));
            if matches!(answer, Some(Ok(()))) {
                sealed.push((from, token));
            }
            answer.is_none()
        });
        sealed
    }
}
