//! An acceptor and its disk.

use crate::coordination::{
    Acceptor, AcceptorId, Answer, Message, Moment, Prepare, Reply, TokenRecord,
};
use crate::test_util::simulator::{Birth, Context, Input, Store};

use super::member::{Member, Report, Said};
use super::settings::{Broken, Settings};

pub(super) struct Granter {
    acceptor: Acceptor,
    quiet_until: Moment,
    is_volatile: bool,
    /// Who wants to be told that the lease has been given back.
    waiting: Vec<(usize, Prepare)>,
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
            is_volatile: matches!(
                settings.broken,
                Broken::VolatileHigh | Broken::VolatileUnguarded
            ),
            waiting: Vec::new(),
            reports: Vec::new(),
        }
    }

    pub(super) fn handle(&mut self, input: Input<Said>, cx: &mut Context<'_, Member>) {
        self.reports.clear();
        let now = Moment::from_origin(cx.now());
        let Input::Message { from, message } = input else {
            return;
        };
        let message = match message {
            Said::Ask(message) => message,
            Said::Wait(prepare) => {
                self.waiting.retain(|waiting| waiting.0 != from);
                self.waiting.push((from, prepare));
                return self.tell(now, cx);
            }
            _ => return,
        };
        let is_release = matches!(message, Message::Release(_));
        let reply = match self.acceptor.handle(message, now) {
            Answer::Silence if is_release => return self.tell(now, cx),
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

    /// Tells those who wait, if the lease is free.
    fn tell(&mut self, now: Moment, cx: &mut Context<'_, Member>) {
        let acceptor = &mut self.acceptor;
        self.waiting.retain(|&(to, prepare)| {
            let Answer::Reply(reply) = acceptor.handle(Message::Prepare(prepare), now) else {
                return true;
            };
            let live = match reply {
                Reply::Promise(promise) => promise.live,
                Reply::Nack(nack) => nack.live,
                Reply::Accepted(_) => None,
            };
            if live.is_none() {
                cx.send(to, Said::Freed(reply));
            }
            live.is_some()
        });
    }
}
