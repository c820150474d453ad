//! What a probe has seen, and what it is to do next.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use crate::sync::Lock;

use super::{Act, Readiness, Token};

/// The view from outside of a [`Probe`](super::Probe) and all its clones: says what they do next, and
/// tells what they saw and what of theirs is alive.
#[derive(Clone, Debug)]
pub struct Watch {
    pub(super) state: Arc<State>,
}

/// How many things of a probe are alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alive {
    instances: usize,
    readied: usize,
    futures: usize,
    running: usize,
    requests: usize,
    responses: usize,
    errors: usize,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Instance,
    Readied,
    Future,
    Running,
    Request,
    Response,
    Error,
}

impl Alive {
    /// Instances of the service.
    pub const fn instances(&self) -> usize {
        self.instances
    }

    /// Instances that are ready and not called yet: capacity that is reserved and not used.
    pub const fn readied(&self) -> usize {
        self.readied
    }

    /// Response futures.
    pub const fn futures(&self) -> usize {
        self.futures
    }

    /// Calls in flight: futures that have not ended.
    pub const fn running(&self) -> usize {
        self.running
    }

    /// Requests made by [`Watch::request`], and copies of them.
    pub const fn requests(&self) -> usize {
        self.requests
    }

    /// Responses.
    pub const fn responses(&self) -> usize {
        self.responses
    }

    /// Errors.
    pub const fn errors(&self) -> usize {
        self.errors
    }

    const fn of(&mut self, what: What) -> &mut usize {
        match what {
            What::Instance => &mut self.instances,
            What::Readied => &mut self.readied,
            What::Future => &mut self.futures,
            What::Running => &mut self.running,
            What::Request => &mut self.requests,
            What::Response => &mut self.responses,
            What::Error => &mut self.errors,
        }
    }
}

impl Watch {
    /// Plays these acts in the next calls, one each; what is left of an earlier script is not played.
    pub fn play(&self, acts: impl IntoIterator<Item = Act>) {
        let script = acts.into_iter().collect();
        self.state.book.lock().script = script;
    }

    /// Plays this act in every call for which the script has none. At first, [`Act::answer`].
    pub fn otherwise(&self, act: Act) {
        self.state.book.lock().otherwise = act;
    }

    /// Sets what all instances say when asked whether they are ready, and wakes those who wait for
    /// that.
    pub fn readiness(&self, readiness: Readiness) {
        let waiting = {
            let mut book = self.state.book.lock();
            book.readiness = readiness;
            std::mem::take(&mut book.waiting_ready)
        };
        waiting.into_values().for_each(Waker::wake);
    }

    /// Lets all calls made so far, that wait for it, end.
    pub fn release(&self) {
        let waiting = {
            let mut book = self.state.book.lock();
            book.released = book.calls;
            std::mem::take(&mut book.waiting_release)
        };
        waiting.into_values().for_each(Waker::wake);
    }

    /// A request that is counted while it is alive.
    pub fn request(&self) -> Token {
        let id = {
            let mut book = self.state.book.lock();
            book.requests = book.requests.saturating_add(1);
            book.requests
        };
        Token::new(&self.state, What::Request, id)
    }

    /// What is alive.
    pub fn alive(&self) -> Alive {
        self.state.book.lock().alive
    }

    /// How many calls were made, those that panicked in `call` included.
    pub fn calls(&self) -> u64 {
        self.state.book.lock().calls
    }

    /// The most calls that were in flight at one time.
    pub fn running_max(&self) -> usize {
        self.state.book.lock().running_max
    }

    /// What was done to the probe that a service must not be done to. Each was also a panic, which
    /// the layer under test may have swallowed.
    pub fn violations(&self) -> Vec<&'static str> {
        self.state.book.lock().violations.clone()
    }
}

/// What all instances of one probe share.
#[derive(Default)]
pub(super) struct State {
    book: Lock<Book>,
}

#[derive(Default)]
struct Book {
    alive: Alive,
    calls: u64,
    requests: u64,
    instances: u64,
    running_max: usize,
    released: u64,
    readiness: Readiness,
    script: VecDeque<Act>,
    otherwise: Act,
    waiting_ready: BTreeMap<u64, Waker>,
    waiting_release: BTreeMap<u64, Waker>,
    violations: Vec<&'static str>,
}

impl State {
    pub(super) fn born(&self, what: What) {
        let mut book = self.book.lock();
        let count = book.alive.of(what);
        *count = count.saturating_add(1);
        book.running_max = book.running_max.max(book.alive.running);
    }

    pub(super) fn died(&self, what: What) {
        let mut book = self.book.lock();
        let count = book.alive.of(what);
        *count = count.saturating_sub(1);
    }

    pub(super) fn number_instance(&self) -> u64 {
        let mut book = self.book.lock();
        book.instances = book.instances.saturating_add(1);
        book.instances
    }

    /// The number of a new call, and what it is to do.
    pub(super) fn number_call(&self) -> (u64, Act) {
        let mut book = self.book.lock();
        book.calls = book.calls.saturating_add(1);
        let act = book.script.pop_front().unwrap_or(book.otherwise);
        (book.calls, act)
    }

    // Dropping a waker may drop a task and with it what is counted here, so none is dropped under
    // the lock.

    /// What the instance is to say; it is woken when that is pending and changes.
    pub(super) fn readiness(&self, instance: u64, waker: &Waker) -> Readiness {
        let mut book = self.book.lock();
        let readiness = book.readiness;
        if readiness == Readiness::Pending {
            let replaced = book.waiting_ready.insert(instance, waker.clone());
            drop(book);
            drop(replaced);
        }
        readiness
    }

    /// Whether the call may end; it is woken once it may.
    pub(super) fn is_released(&self, call: u64, waker: &Waker) -> bool {
        let mut book = self.book.lock();
        if call <= book.released {
            return true;
        }
        let replaced = book.waiting_release.insert(call, waker.clone());
        drop(book);
        drop(replaced);
        false
    }

    pub(super) fn forget_instance(&self, instance: u64) {
        let waker = self.book.lock().waiting_ready.remove(&instance);
        drop(waker);
    }

    pub(super) fn forget_call(&self, call: u64) {
        let waker = self.book.lock().waiting_release.remove(&call);
        drop(waker);
    }

    #[expect(clippy::panic, reason = "a probe fails loudly")]
    #[track_caller]
    pub(super) fn violated(&self, what: &'static str) -> ! {
        self.book.lock().violations.push(what);
        panic!("{what}");
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let book = self.book.lock();
        f.debug_struct("Probe")
            .field("calls", &book.calls)
            .field("alive", &book.alive)
            .field("violations", &book.violations)
            .finish_non_exhaustive()
    }
}
