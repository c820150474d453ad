//! What each hop says of itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mainstay::Deadline;
use mainstay::trace::TraceContext;
use tokio::time::Instant;
use tower::BoxError;

use super::{MARGIN, SLACK, TIME, TRACE};

/// What all hops have said.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    ended: Arc<Mutex<Vec<Entry>>>,
}

struct Entry {
    name: &'static str,
    trace: String,
    parent: String,
    left: Duration,
    ended: Instant,
}

/// One handler at work; dropped, its work is over, however that came.
pub(crate) struct Hop {
    journal: Journal,
    name: &'static str,
    trace: String,
    parent: String,
    left: Duration,
    began: Instant,
}

impl Journal {
    /// A handler begins. What it says was put around it by the layers of its server.
    pub(crate) fn begin(&self, name: &'static str, attempt: u32) -> Hop {
        let began = Instant::now();
        let context = TraceContext::current();
        let (trace, parent) = context.map_or_else(Default::default, |context| {
            (
                context.trace_id().to_string(),
                context.span_id().to_string(),
            )
        });
        let deadline = Deadline::current().unwrap_or(Deadline::NEVER);
        let left = deadline.remaining(began);
        println!("{name:7} trace {trace}  parent {parent}  attempt {attempt}  {left:.1?} left");
        Hop {
            journal: self.clone(),
            name,
            trace,
            parent,
            left,
            began,
        }
    }

    /// Every hop is in the caller's trace, was called by its own span, had less time than the one
    /// before, by the margin at least, and is over soon after the caller.
    pub(crate) fn check(&self, deadline: Instant, gone: Instant) -> Result<(), BoxError> {
        let entries = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parents: Vec<_> = entries.iter().map(|entry| &entry.parent).collect();
        parents.sort();
        parents.dedup();
        // The edge may have time to ask once more, for what comes back too late.
        if entries.len() < 4 || parents.len() != entries.len() {
            return Err("there are not four calls, each with a parent of its own".into());
        }
        let most_left = |name| {
            let named = entries.iter().filter(move |entry| entry.name == name);
            named.map(|entry| entry.left).max().unwrap_or_default()
        };
        if most_left("edge") > TIME {
            return Err("the edge was given time that nobody has".into());
        }
        for [outer, inner] in [["edge", "middle"], ["middle", "leaf"]] {
            if most_left(inner) + MARGIN > most_left(outer) {
                return Err(format!("{inner} was given more time than {outer} had").into());
            }
        }
        let end = deadline.max(gone) + MARGIN + SLACK;
        for entry in entries.iter() {
            if entry.trace != TRACE {
                return Err(format!("{} is in another trace", entry.name).into());
            }
            if entry.ended > end {
                return Err(format!("{} outlived its caller", entry.name).into());
            }
        }
        let last = entries.iter().map(|entry| entry.ended).max();
        let late = last.map_or(Duration::ZERO, |last| last.saturating_duration_since(gone));
        println!("the last hop ended {late:.1?} after the caller had its answer");
        Ok(())
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        let ended = Instant::now();
        println!("{:7} over after {:.1?}", self.name, ended - self.began);
        let mut all = self
            .journal
            .ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.push(Entry {
            name: self.name,
            trace: std::mem::take(&mut self.trace),
            parent: std::mem::take(&mut self.parent),
            left: self.left,
            ended,
        });
    }
}
