//! What a request's extensions say of the recording of its body.

use std::fmt;
use std::sync::Weak;

/// In the extensions of a request whose body is a [`ReplayBody`](super::ReplayBody) with something
/// in it, for the replay rule, which does not know the body's type.
///
/// It does not keep the body alive: extensions may outlive it.
#[derive(Clone)]
pub(in crate::http) struct Recording {
    of: Option<Weak<dyn Intact>>,
}

pub(super) trait Intact: Send + Sync {
    fn is_intact(&self) -> bool;
}

impl Recording {
    pub(super) const NONE: Self = Self { of: None };

    pub(super) fn new(of: Weak<dyn Intact>) -> Self {
        Self { of: Some(of) }
    }

    /// Whether a copy of the request with these extensions can be sent.
    pub(in crate::http) fn is_intact(extensions: &http::Extensions) -> bool {
        extensions.get::<Self>().is_none_or(|recording| {
            let alive = recording.of.as_ref().and_then(Weak::upgrade);
            alive.is_some_and(|tape| tape.is_intact())
        })
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").finish_non_exhaustive()
    }
}

/// The error of a [`ReplayBody`](super::ReplayBody) that cannot be read to its end, because it
/// outgrew its recording or failed while another copy was read.
#[derive(Clone, Copy, Debug)]
pub struct BodyLost {
    pub(super) _private: (),
}

impl fmt::Display for BodyLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the recording of the request body is not whole, so it cannot be sent again")
    }
}

impl std::error::Error for BodyLost {}
