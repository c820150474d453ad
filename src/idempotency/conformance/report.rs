//! What the cases found.

use std::error::Error as StdError;
use std::fmt;

/// The cases that a store failed, when it failed any.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) failures: Vec<Failure>,
    pub(super) cases: usize,
}

/// One case that failed, at its first step that did not go as it should.
#[derive(Clone, Debug)]
pub struct Failure {
    pub(super) case: &'static str,
    pub(super) step: Step,
}

/// A step of a case that went otherwise than it should.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) what: String,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Report {
    /// Which cases failed; at least one.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Nothing, when no case failed.
    pub(super) fn judged(self) -> Result<(), Self> {
        if self.failures.is_empty() {
            return Ok(());
        }
        Err(self)
    }
}

impl Failure {
    /// The name of the case: a sentence that should hold.
    pub fn case(&self) -> &'static str {
        self.case
    }

    /// What was done.
    pub fn step(&self) -> &str {
        &self.step.what
    }

    /// What the store should have answered.
    pub fn expected(&self) -> &str {
        &self.step.expected
    }

    /// What it answered.
    pub fn found(&self) -> &str {
        &self.step.found
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step {
            what,
            expected,
            found,
        } = &self.step;
        write!(
            f,
            "{}: {what}: expected {expected}, found {found}",
            self.case
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} cases failed", self.failures.len(), self.cases)?;
        for failure in &self.failures {
            write!(f, "\n{failure}")?;
        }
        Ok(())
    }
}

impl StdError for Report {}
