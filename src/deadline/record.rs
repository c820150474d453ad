//! What both layers count.

use std::sync::Arc;

use crate::error::Kind;
use crate::telemetry::{Calls, Counter, Metered, Scope};

use super::message::Heard;

/// The counters of one layer.
#[derive(Debug)]
pub(super) struct Record {
    calls: Calls,
    malformed: Counter,
}

impl Metered for Record {
    fn calls(&self) -> &Calls {
        &self.calls
    }
}

impl Record {
    /// `kinds` are the refusals that the layer can make.
    pub(super) fn new(scope: Scope, kinds: &[Kind]) -> Arc<Self> {
        Arc::new(Self {
            malformed: scope.counter("mainstay_deadline_malformed_total"),
            calls: Calls::new(scope, kinds),
        })
    }

    pub(super) fn heard(&self, heard: Heard) {
        if heard.malformed > 0 {
            self.malformed.increment(heard.malformed);
        }
    }
}
