//! What of an acceptor decides what it will do, whoever it is and whatever the hour: two with the same key
//! differ in nothing that anybody can see. For the search over all schedules.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::coordination) struct AcceptorKey {
    durable: Option<TokenRecord>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Quarantined {
        left: Duration,
    },
    Serving {
        promised: Option<Ballot>,
        released: Option<Ballot>,
        lease: Option<(Ballot, Duration)>,
    },
    Failed,
}

impl Acceptor {
    pub(in crate::coordination) fn key(&self, now: Moment) -> AcceptorKey {
        let Self {
            id: _,
            ttl_max: _,
            held: _,
            durable,
            state,
            rules: _,
        } = *self;
        let serving = |Serving {
                           promised,
                           lease,
                           released,
                       }| Stage::Serving {
            promised,
            released,
            // Every handler begins with dropping a lease that has ended.
            lease: lease
                .filter(|lease| now < lease.until)
                .map(|Lease { ballot, until }| (ballot, until.since(now))),
        };
        let stage = match state {
            State::Quarantined { until } if now < until => Stage::Quarantined {
                left: until.since(now),
            },
            // What comes first afterwards finds it so.
            State::Quarantined { .. } => serving(Serving::default()),
            State::Serving(now_serving) => serving(now_serving),
            State::Failed => Stage::Failed,
        };
        AcceptorKey { durable, stage }
    }
}
