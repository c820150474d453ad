//! Every layer by every clause.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mainstay::test_util::Probe;

use super::subject::{Stack, Subject};
use super::{clauses, counts};

/// What a clause found, when it did not panic.
pub(crate) enum Verdict {
    Kept,
    DoesNotApply(&'static str),
}

type Clause<M> = (&'static str, fn(&Subject<M>) -> Verdict);

/// The rows so far.
#[derive(Default)]
pub(crate) struct Matrix {
    clauses: Vec<&'static str>,
    rows: Vec<(&'static str, Vec<&'static str>)>,
    notes: Vec<String>,
    broken: Vec<&'static str>,
}

impl Matrix {
    /// Holds one subject to every clause.
    pub(crate) fn row<M, S>(&mut self, subject: &Subject<M>)
    where
        M: Fn(Probe) -> S,
        S: Stack,
    {
        let clauses: [Clause<M>; 12] = [
            ("fresh readiness", clauses::fresh_readiness),
            ("waker kept", clauses::waker_kept),
            ("error untouched", clauses::error_untouched),
            ("response untouched", clauses::response_untouched),
            ("clone holds nothing", clauses::clone_holds_nothing),
            ("idle reserves no inner", clauses::idle_reserves_no_inner),
            ("drop frees all", clauses::drop_frees_all),
            ("unpolled frees all", clauses::unpolled_frees_all),
            ("panic leaves no trace", clauses::panic_leaves_no_trace),
            (
                "happy path: no alloc",
                clauses::happy_path_allocates_nothing,
            ),
            ("counted once", counts::counted_once),
            ("gauges return", counts::gauges_return),
        ];
        self.clauses = clauses.iter().map(|(clause, _)| *clause).collect();
        let cells = clauses.iter().map(|(clause, check)| {
            match catch_unwind(AssertUnwindSafe(|| check(subject))) {
                Ok(Verdict::Kept) => "ok",
                Ok(Verdict::DoesNotApply(reason)) => {
                    self.notes
                        .push(format!("n/a     {}, {clause}: {reason}", subject.name));
                    "n/a"
                }
                Err(panic) => {
                    let reason = said(&*panic);
                    self.notes
                        .push(format!("BROKEN  {}, {clause}: {reason}", subject.name));
                    self.broken.push(clause);
                    "BROKEN"
                }
            }
        });
        let cells = cells.collect();
        self.rows.push((subject.name, cells));
    }

    /// The clauses that were broken.
    pub(crate) fn broken(&self) -> &[&'static str] {
        &self.broken
    }

    /// Prints past the test harness, which would keep it to itself.
    pub(crate) fn print(&self) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        write!(out, "\n{:24}", "contract")?;
        for (name, _) in &self.rows {
            write!(out, "{name:>17}")?;
        }
        for (at, clause) in self.clauses.iter().enumerate() {
            write!(out, "\n{clause:24}")?;
            for (_, cells) in &self.rows {
                write!(out, "{:>17}", cells[at])?;
            }
        }
        writeln!(out, "\n\n{}", self.notes.join("\n"))
    }

    #[track_caller]
    pub(crate) fn assert_kept(&self) {
        assert_eq!(
            self.broken,
            [""; 0],
            "clauses are broken:\n{}",
            self.notes.join("\n")
        );
    }
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
}
