//! What a probe is told to do.

use std::time::Duration;

/// What a [`Probe`](super::Probe) does with one call: how it ends, and when.
///
/// ```
/// use mainstay::test_util::Act;
/// use std::time::Duration;
///
/// let slow_failure = Act::fail().after(Duration::from_secs(1));
/// let prompt = Act::answer();
/// # let _ = (slow_failure, prompt);
/// ```
/// The default is [`Act::answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Act {
    pub(super) end: End,
    pub(super) when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Answer,
    Fail,
    Panic,
    PanicInCall,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    AtOnce,
    AfterPolls(u32),
    After(Duration),
    Released,
}

impl Act {
    const fn at_once(end: End) -> Self {
        Self {
            end,
            when: When::AtOnce,
        }
    }

    /// Answers, in the first poll.
    pub const fn answer() -> Self {
        Self::at_once(End::Answer)
    }

    /// Fails, in the first poll.
    pub const fn fail() -> Self {
        Self::at_once(End::Fail)
    }

    /// Panics, in the first poll of the future.
    pub const fn panic() -> Self {
        Self::at_once(End::Panic)
    }

    /// Panics in `call`, before there is a future.
    pub const fn panic_in_call() -> Self {
        Self::at_once(End::PanicInCall)
    }

    /// Never ends, unless [`Watch::release`](super::Watch::release) lets it answer.
    pub const fn hang() -> Self {
        Self::answer().when_released()
    }

    /// Ends when this time has passed on tokio's clock since `call`, and hangs when that lies beyond
    /// what the clock can hold.
    pub const fn after(mut self, wait: Duration) -> Self {
        self.when = When::After(wait);
        self
    }

    /// Ends after this many polls that were pending, each of which asks at once for the next.
    pub const fn after_polls(mut self, pending: u32) -> Self {
        self.when = When::AfterPolls(pending);
        self
    }

    /// Ends once [`Watch::release`](super::Watch::release) has been called.
    pub const fn when_released(mut self) -> Self {
        self.when = When::Released;
        self
    }
}

impl Default for Act {
    fn default() -> Self {
        Self::answer()
    }
}

/// What a [`Probe`](super::Probe) says when it is asked whether it is ready.
///
/// An instance that has said so stays ready until it is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readiness {
    /// Ready.
    #[default]
    Ready,
    /// Not ready, until this is set to something else.
    Pending,
    /// Fails, which ends that instance.
    Fail,
    /// Panics.
    Panic,
}
