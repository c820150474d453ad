//! One campaign after the other, for as long as somebody can ask for one.

use std::mem;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::coordination::election::board::Board;
use crate::coordination::election::floor::Floor;
use crate::coordination::election::seal::Seal;
use crate::coordination::election::{CampaignError, ElectionConfig, LeaseGuard};
use crate::coordination::{Clock, LeaseStore, Timing};
use crate::rng::Rng;
use crate::time::{self, Instant};

use super::{First, first};

/// One who asks to be elected. When the receiver of the reply is gone nobody does any more.
#[derive(Debug)]
pub(in crate::coordination::election) struct Campaign {
    pub(in crate::coordination::election) reply: Reply,
}

pub(super) type Reply = oneshot::Sender<Result<LeaseGuard, CampaignError>>;

/// Owns the store. Dropped or unwound anywhere, the term is over, and all who wait are told.
#[derive(Debug)]
pub(in crate::coordination::election) struct Driver<L, S> {
    pub(super) store: L,
    pub(super) seal: S,
    pub(super) timing: Timing,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: Rng,
    pub(super) board: Arc<Board>,
    pub(super) floor: Arc<Floor>,
    line: mpsc::Receiver<Campaign>,
    /// Whether the store may hold something that is to be given back.
    pub(super) has_asked: bool,
    /// Not to ask before, after something went wrong.
    pub(super) earliest: Option<Instant>,
}

impl<L: LeaseStore, S: Seal> Driver<L, S> {
    pub(in crate::coordination::election) fn new(
        store: L,
        config: ElectionConfig<S>,
        board: Board,
        line: mpsc::Receiver<Campaign>,
    ) -> Self {
        Self {
            timing: store.timing(),
            clock: store.clock(),
            store,
            seal: config.seal,
            rng: config.rng,
            board: Arc::new(board),
            floor: Arc::default(),
            line,
            has_asked: false,
            earliest: None,
        }
    }

    pub(in crate::coordination::election) async fn run(mut self) {
        while let Some(Campaign { reply }) = self.line.recv().await {
            let mut waiting = Some(reply);
            while let Some(mut reply) = waiting.take() {
                match first(reply.closed(), self.win()).await {
                    First::One(()) => self.give_back().await,
                    First::Other(Err(error)) => drop(reply.send(Err(error))),
                    First::Other(Ok(grant)) => {
                        waiting = Some(reply);
                        self.lead(grant, &mut waiting).await;
                    }
                }
            }
        }
    }

    /// Gives back what the store holds, or may hold. By the end of that time all of it has ended.
    pub(super) async fn give_back(&mut self) {
        if mem::take(&mut self.has_asked) {
            first(self.store.release(), sleep(self.timing.held())).await;
        }
    }

    /// The next asks after a pause.
    pub(super) fn back_off(&mut self) {
        self.earliest = time::after(time::now(), self.timing.again(self.rng.bits()));
    }
}
