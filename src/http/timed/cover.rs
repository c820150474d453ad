//! Responses that the deadline covers to their last frame.

use std::sync::Arc;

use http_body::Body;

use crate::context::Deadline;
use crate::deadline::Cover;
use crate::name::Name;
use crate::telemetry::Tally;

use super::meter::Bodies;
use super::{BodyLimits, TimedBody};

/// Lets the deadline end a response's body while it streams, as an error; see [`TimedBody`].
///
/// Its calls are counted when their bodies are over, with `layer="body_deadline"`, on either side: give a
/// server's layer and a client's different names.
#[derive(Clone, Debug)]
pub struct CoverBody {
    bodies: Arc<Bodies>,
}

impl CoverBody {
    /// Counts and refuses in the name of `name`, which should be that of the deadline's layer.
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            bodies: Arc::new(Bodies::new("body_deadline", name.into())),
        }
    }
}

impl<B: Body> Cover<http::Response<B>> for CoverBody {
    type Response = http::Response<TimedBody<B>>;

    fn cover(&self, response: http::Response<B>, deadline: Deadline) -> Self::Response {
        let limits = BodyLimits::until(deadline);
        let tally = Tally::new(&self.bodies);
        response.map(|body| TimedBody::counted(body, limits, tally))
    }
}
