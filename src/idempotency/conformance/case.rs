//! All cases.

use std::time::Duration;

use crate::idempotency::Store;

use super::report::{Failure, Report};
use super::subject::{Subject, Verdict};
use super::{claims, endings, lapses, races, times};

/// Runs every case against `store`, with leases and retentions of a few `unit`s.
///
/// It needs a tokio runtime with time; of several threads, if races are to be ones.
///
/// # Errors
/// When a case failed: which, at what step, what was expected and what was found.
pub async fn check<S: Store>(store: S, unit: Duration) -> Result<(), Report> {
    let subject = Subject::new(store, unit);
    let mut report = Report::empty();
    claims::run(&subject, &mut report).await;
    lapses::run(&subject, &mut report).await;
    endings::run(&subject, &mut report).await;
    times::run(&subject, &mut report).await;
    races::run(&subject, &mut report).await;
    report.judged()
}

/// Runs each of these cases, which are named for what should hold.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        pub(super) async fn run<S: crate::idempotency::Store>(
            subject: &super::subject::Subject<S>,
            report: &mut super::report::Report,
        ) {
            $(report.note(stringify!($case), $case(subject).await);)+
        }
    };
}

pub(super) use cases;

impl Report {
    pub(super) const fn empty() -> Self {
        Self {
            failures: Vec::new(),
            cases: 0,
        }
    }

    pub(super) fn note(&mut self, case: &'static str, verdict: Verdict) {
        self.cases = self.cases.saturating_add(1);
        if let Err(step) = verdict {
            self.failures.push(Failure { case, step });
        }
    }
}
