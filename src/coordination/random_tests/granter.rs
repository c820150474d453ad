//! An acceptor and its disk.

use crate::coordination::{Acceptor, AcceptorId, Answer, Moment, Reply, TokenRecord};
use crate::test_util::simulator::{Birth, Context, Input, Store};

use super::member::{Member, Report, Said};
use super::settings::{Broken, Settings};

pub(super) struct Granter {
    acceptor: Acceptor,
    quiet_until: Moment,
    is_volatile: bool,
    pub(super) reports: Vec<Report>,
}

impl Granter {
    pub(super) fn born(settings: &Settings, birth: &Birth<TokenRecord>) -> Self {
        let timing = settings.acceptor_timing(birth.node());
        let id = AcceptorId(u32::try_from(birth.node()).unwrap());
        let (is_first, now) = (birth.life() == 0, Moment::from_origin(birth.now()));
        let must_be_quiet = !is_first && settings.broken != Broken::NoQuarantine;
        let record = match *birth.store() {
            Store::Kept(record) => record,
            Store::Lost => None,
        };
        let acceptor = if must_be_quiet {
            Acceptor::new(id, &timing, record, now)
        } else {
            Acceptor::embedded(id, &timing, record)
        };
        let ends = now.after(timing.quarantine());
        Self {
            acceptor: acceptor.breaking(settings.rules()),
            quiet_until: if must_be_quiet { ends } else { Moment::ORIGIN },
            is_volatile: settings.broken == Broken::VolatileHigh,
            reports: Vec::new(),
        }
    }

    pub(super) fn handle(&mut self, input: Input<Said>, cx: &mut Context<'_, Member>) {
        self.reports.clear();
        let now = Moment::from_origin(cx.now());
        let Input::Message {
            from,
            message: Said::Ask(message),
        } = input
        else {
            return;
        };
        let reply = match self.acceptor.handle(message, now) {
            Answer::Silence => return,
            Answer::Reply(reply) => reply,
            Answer::Write(write) => {
                if !self.is_volatile {
                    cx.write(write.record());
                }
                write.written()
            }
        };
        if now < self.quiet_until {
            self.reports.push(Report::AnsweredInQuarantine);
        }
        if let Reply::Accepted(accepted) = reply {
            self.reports.push(Report::Granted(accepted));
        }
        cx.send(from, Said::Answer(reply));
    }
}
