//! The context of the task being polled, for requests that cannot carry their own.

use std::cell::Cell;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project::pin_project;

use super::{Attempt, Deadline};

thread_local! {
    static DEADLINE: Cell<Option<Deadline>> = const { Cell::new(None) };
    static ATTEMPT: Cell<Option<Attempt>> = const { Cell::new(None) };
}

/// How a layer finds what travels with a request.
///
/// The provided methods read the task's context, so an implementation overrides what its request
/// type carries.
pub trait CallContext<Req> {
    /// When the caller stops waiting, if it said so.
    fn deadline(&self, _request: &Req) -> Option<Deadline> {
        Deadline::current()
    }

    /// The attempt this request is, if a retry layer further out made it one.
    fn attempt(&self, _request: &Req) -> Option<Attempt> {
        Attempt::current()
    }

    /// Writes on the request which attempt it is. The task's context says so in any case.
    fn mark(&self, _request: &mut Req, _attempt: Attempt) {}
}

/// The default context: what the layers around a call have said for the task that polls it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ambient;

impl<Req> CallContext<Req> for Ambient {}

pub(super) fn deadline() -> Option<Deadline> {
    DEADLINE.get()
}

pub(super) fn attempt() -> Option<Attempt> {
    ATTEMPT.get()
}

/// Says which attempt the code is that runs until the guard is dropped.
#[inline]
pub(crate) fn enter_attempt(attempt: Attempt) -> Entered<Attempt> {
    Entered::new(attempt)
}

/// Says which deadline holds for the code that runs until the guard is dropped, unless a sooner one
/// does already; `None` for one that is never, which changes nothing.
///
/// For layers that call the inner service when they are polled: that may be outside of the scope in
/// which they found the deadline.
#[inline]
pub(crate) fn enter_deadline(deadline: Deadline) -> Option<Entered<Deadline>> {
    (deadline != Deadline::NEVER).then(|| Entered::deadline(deadline))
}

/// What a thread says of the code that it runs, in a place that is the type's own.
pub(crate) trait Said: Sized + 'static {
    /// Calls `then` with the place.
    fn with<T>(then: impl FnOnce(&Cell<Option<Self>>) -> T) -> T;
}

impl Said for Deadline {
    #[inline]
    fn with<T>(then: impl FnOnce(&Cell<Option<Self>>) -> T) -> T {
        DEADLINE.with(then)
    }
}

impl Said for Attempt {
    #[inline]
    fn with<T>(then: impl FnOnce(&Cell<Option<Self>>) -> T) -> T {
        ATTEMPT.with(then)
    }
}

/// Puts a value back when dropped, also by a panic. It stays on the thread that made it.
pub(crate) struct Entered<T: Said> {
    before: Option<T>,
    _thread: PhantomData<*const ()>,
}

impl<T: Said> Entered<T> {
    #[inline]
    pub(crate) fn new(value: T) -> Self {
        Self {
            before: T::with(|slot| slot.replace(Some(value))),
            _thread: PhantomData,
        }
    }
}

impl Entered<Deadline> {
    fn deadline(deadline: Deadline) -> Self {
        let around = DEADLINE.get();
        let holds = around.map_or(deadline, |around| around.sooner(deadline));
        Self::new(holds)
    }
}

impl<T: Said> Drop for Entered<T> {
    #[inline]
    fn drop(&mut self) {
        T::with(|slot| slot.set(self.before.take()));
    }
}

/// A future that is polled under a deadline; made by [`Deadline::scope`].
#[pin_project]
#[derive(Debug)]
pub struct Scope<F> {
    deadline: Deadline,
    #[pin]
    inner: F,
}

impl<F> Scope<F> {
    pub(super) const fn new(deadline: Deadline, inner: F) -> Self {
        Self { deadline, inner }
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::deadline(*this.deadline);
        this.inner.poll(cx)
    }
}
