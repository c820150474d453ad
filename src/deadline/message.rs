//! What a message says of the time left, and what it holds.

use std::time::Duration;

use crate::context::{Carrier, Deadline};

use super::Format;

/// What the fields of a message say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// The shortest time that a valid value says is left.
    pub(super) left: Option<Duration>,
    /// How many values were malformed.
    pub(super) malformed: u64,
}

impl Heard {
    pub(super) fn read<Req: Carrier>(request: &Req, formats: &[Format]) -> Self {
        let mut heard = Self::default();
        for format in formats {
            for value in request.get_all(format.field()) {
                match format.parse(value) {
                    Some(left) => heard.left = Some(heard.left.map_or(left, |said| said.min(left))),
                    None => heard.malformed = heard.malformed.saturating_add(1),
                }
            }
        }
        heard
    }
}

/// The deadline that holds already: the sooner of the request's and the task's.
pub(super) fn held<Req: Carrier>(request: &Req) -> Option<Deadline> {
    match (request.attached::<Deadline>(), Deadline::current()) {
        (Some(own), Some(around)) => Some(own.sooner(around)),
        (Some(own), None) => Some(*own),
        (None, around) => around,
    }
}

/// Puts the deadline of a call on its request, which holds none that is sooner.
pub(super) fn hold<Req: Carrier>(request: &mut Req, deadline: Deadline) {
    if deadline != Deadline::NEVER && request.attached() != Some(&deadline) {
        request.attach(deadline);
    }
}

/// Takes away what a message says in these formats.
pub(super) fn strip<Req: Carrier>(request: &mut Req, formats: &[Format]) {
    for format in formats {
        request.remove(format.field());
    }
}
