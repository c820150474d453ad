//! What an acceptor answers, and what must be on the disk before it may.

use std::time::Duration;

use crate::coordination::{Accepted, Ballot, Reply, TokenRecord};

use super::state::{Acceptor, Lease, Serving, State};

/// What to do about a message.
#[derive(Debug)]
#[must_use]
pub enum Answer<'a> {
    /// Nothing is said.
    Silence,
    /// Send this.
    Reply(Reply),
    /// Write first. Nothing has been granted, and there is no reply, until that has been done.
    Write(Write<'a>),
}

/// What an acceptor knows of the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::coordination) enum Standing {
    /// Nothing: it has failed, or is in quarantine.
    Unknown,
    /// It has granted none that lives. Whoever asks for one has to rank above what it has promised.
    Free { promised: Option<Ballot> },
    /// It has, and so much is left of it.
    Held { remaining: Duration },
}

/// A grant that waits for the disk. While it does, nobody else can reach the acceptor.
///
/// Dropped or forgotten without [`written`](Write::written), the acceptor has failed: whether the record
/// is on the disk is not known, so it answers nobody until it is made anew from what the disk holds.
/// A write that fails, or of which nobody knows the end, is dropped so. Nothing that can be cancelled
/// should wait for the disk.
#[derive(Debug)]
#[must_use = "dropped before it is written, the acceptor has failed"]
pub struct Write<'a> {
    pub(super) acceptor: &'a mut Acceptor,
    pub(super) record: TokenRecord,
    pub(super) serving: Serving,
    pub(super) lease: Lease,
}

impl Write<'_> {
    /// What must outlast a crash.
    pub const fn record(&self) -> TokenRecord {
        self.record
    }

    /// The record is on the disk and outlasts a crash from here on: grants the lease.
    pub fn written(self) -> Reply {
        let Self {
            acceptor,
            record,
            mut serving,
            lease,
        } = self;
        acceptor.durable = Some(record);
        serving.grant(lease);
        acceptor.state = State::Serving(serving);
        Reply::Accepted(Accepted {
            ballot: lease.ballot,
            from: acceptor.id,
        })
    }
}
