//! One node's way to a shelf, which fails as it is told.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::idempotency::{Claim, Claimed, Fenced, Store, StoreKey, Stored};
use tokio::time::sleep;
use tower::BoxError;

use crate::shelf::Shelf;

/// Of what the store is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Claim,
    Renew,
    Finish,
    Release,
}

/// What becomes of one asking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    /// Nothing is done, and that is said.
    Error,
    /// Nothing is done, and nothing said.
    Hang,
    /// It is done at once, and an error is said.
    LoseReply,
    /// It is done later, and said then.
    Delay(Duration),
    /// It is done at once, and said later.
    SlowReply(Duration),
    /// It is done twice.
    Twice,
    /// An error is said, and it is done later all the same.
    Late(Duration),
    /// It is done later, and said then; to stop listening does not stop it.
    Apart(Duration),
    /// It is done, and the store's client panics.
    Panic,
}

type Chooser = Box<dyn FnMut(Op) -> Fault + Send>;

/// One node's way to the shelf.
#[derive(Clone, Default)]
pub(crate) struct Node {
    pub(crate) shelf: Shelf,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    next: Mutex<VecDeque<(Op, Fault)>>,
    always: Mutex<HashMap<Op, Fault>>,
    chooser: Mutex<Option<Chooser>>,
    asked: Mutex<Vec<Op>>,
}

impl Node {
    pub(crate) fn to(shelf: &Shelf) -> Self {
        Self {
            shelf: shelf.clone(),
            faults: Arc::default(),
        }
    }

    /// The next such asking meets this; several queue up.
    pub(crate) fn next(&self, op: Op, fault: Fault) {
        self.faults.next.lock().unwrap().push_back((op, fault));
    }

    /// Every such asking meets this, unless one of `next` does.
    pub(crate) fn always(&self, op: Op, fault: Fault) {
        self.faults.always.lock().unwrap().insert(op, fault);
    }

    /// Every asking meets this.
    pub(crate) fn is_down(&self, fault: Fault) {
        for op in [Op::Claim, Op::Renew, Op::Finish, Op::Release] {
            self.always(op, fault);
        }
    }

    pub(crate) fn choose(&self, chooser: impl FnMut(Op) -> Fault + Send + 'static) {
        *self.faults.chooser.lock().unwrap() = Some(Box::new(chooser));
    }

    pub(crate) fn asked(&self, op: Op) -> usize {
        let asked = self.faults.asked.lock().unwrap();
        asked.iter().filter(|asked| **asked == op).count()
    }

    fn fault(&self, op: Op) -> Fault {
        self.faults.asked.lock().unwrap().push(op);
        if let Some(chooser) = &mut *self.faults.chooser.lock().unwrap() {
            return chooser(op);
        }
        let mut next = self.faults.next.lock().unwrap();
        if let Some(at) = next.iter().position(|(of, _)| *of == op) {
            return next.remove(at).unwrap().1;
        }
        let always = self.faults.always.lock().unwrap();
        always.get(&op).copied().unwrap_or(Fault::None)
    }

    async fn ask<R: Send + 'static>(
        &self,
        op: Op,
        apply: impl Fn(&Shelf) -> R + Send + 'static,
    ) -> Result<R, BoxError> {
        match self.fault(op) {
            Fault::None => Ok(apply(&self.shelf)),
            Fault::Error => Err("the shelf is locked".into()),
            Fault::Hang => std::future::pending().await,
            Fault::LoseReply => {
                apply(&self.shelf);
                Err("the reply was lost".into())
            }
            Fault::Delay(wait) => {
                sleep(wait).await;
                Ok(apply(&self.shelf))
            }
            Fault::SlowReply(wait) => {
                let answer = apply(&self.shelf);
                sleep(wait).await;
                Ok(answer)
            }
            Fault::Twice => {
                apply(&self.shelf);
                Ok(apply(&self.shelf))
            }
            Fault::Apart(wait) => {
                let later = self.shelf.clone();
                let done = tokio::spawn(async move {
                    sleep(wait).await;
                    apply(&later)
                });
                Ok(done.await?)
            }
            Fault::Panic => {
                apply(&self.shelf);
                panic!("the store's client panics")
            }
            Fault::Late(wait) => {
                let later = self.shelf.clone();
                tokio::spawn(async move {
                    sleep(wait).await;
                    drop(apply(&later));
                });
                Err("the request was lost on the way".into())
            }
        }
    }
}

impl Store for Node {
    type Error = BoxError;

    async fn claim(&self, claim: &Claim) -> Result<Claimed, BoxError> {
        let claim = *claim;
        self.ask(Op::Claim, move |shelf| shelf.claim(&claim)).await
    }

    async fn renew(&self, claim: &Claim) -> Result<Fenced, BoxError> {
        let claim = *claim;
        self.ask(Op::Renew, move |shelf| shelf.renew(&claim)).await
    }

    async fn finish(&self, claim: &Claim, result: Stored) -> Result<Fenced, BoxError> {
        let claim = *claim;
        let finish = move |shelf: &Shelf| shelf.finish(&claim, result.clone());
        self.ask(Op::Finish, finish).await
    }

    async fn release(&self, claim: &Claim) -> Result<Fenced, BoxError> {
        let claim = *claim;
        self.ask(Op::Release, move |shelf| shelf.release(&claim))
            .await
    }

    async fn changed(&self, _key: &StoreKey, wait: Duration) {
        let _ = tokio::time::timeout(wait, self.shelf.changed.notified()).await;
    }

    async fn purge(&self, key: &StoreKey) -> Result<bool, BoxError> {
        Ok(self.shelf.purge(*key))
    }
}
