//! What is told of a run that failed.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::options::Options;

/// A run in which something was not as it must be. With the same options and the same cluster it
/// comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub(super) what: String,
    pub(super) at: Duration,
    pub(super) options: Box<Options>,
    pub(super) trace: Vec<String>,
}

impl Failure {
    /// What the check said.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// When it said so, in true time since the begin of the run.
    pub const fn at(&self) -> Duration {
        self.at
    }

    /// How it came to that.
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// The kinds of fault that there are in it, by the names of their settings.
    pub fn faults(&self) -> Vec<&'static str> {
        self.options.faults()
    }

    /// The last of what happened before, one line each.
    pub fn trace(&self) -> &[String] {
        &self.trace
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what, at, options, ..
        } = self;
        writeln!(f, "{what}, after {at:?} with seed {}", options.seed())?;
        writeln!(f, "faults: {:?}", self.faults())?;
        write!(f, "{options:?}")?;
        for line in &self.trace {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl Error for Failure {}

/// The last lines, if anybody wants them.
#[derive(Debug, Default)]
pub(super) struct Trace {
    most: usize,
    lines: VecDeque<String>,
}

impl Trace {
    pub(super) const fn of(most: usize) -> Self {
        Self {
            most,
            lines: VecDeque::new(),
        }
    }

    pub(super) fn say(&mut self, now: u64, line: impl FnOnce() -> String) {
        if self.most == 0 {
            return;
        }
        if self.lines.len() >= self.most {
            self.lines.pop_front();
        }
        let at = Duration::from_nanos(now);
        self.lines.push_back(format!("{at:>12.6?}  {}", line()));
    }

    pub(super) fn lines(self) -> Vec<String> {
        self.lines.into()
    }
}
