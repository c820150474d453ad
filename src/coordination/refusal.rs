//! What a node says that does not lead.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::context::{Carrier, Field};
use crate::{Executed, Kind, Name, Rejection};

use super::NodeId;
use super::token::plain_number;

/// This node does not lead, or not any more. It may know who does.
///
/// It is the source of the refusals that it makes, and by it the responders of `http` and `grpc` say in
/// [`FIELD`](Self::FIELD) where to ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NotLeader {
    leader: Option<NodeId>,
}

impl NotLeader {
    /// The field of an answer that says which node leads: its number. Not there when nobody knows.
    pub const FIELD: Field = Field::known("leader-node");

    /// `leader` is who leads, as far as this node knows; it may be wrong by the time that it is read.
    pub const fn new(leader: Option<NodeId>) -> Self {
        Self { leader }
    }

    /// Who leads, as far as is known. A hint, by which nobody decides anything but whom to ask.
    pub const fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// The refusal of a call that nobody has begun, by the layer's instance called `layer`. Add
    /// [`after`](Rejection::after) where it is known when it is worth asking again.
    pub fn rejection(self, layer: Name) -> Rejection {
        Rejection::new(Kind::NotLeader, Executed::No, layer).because(Arc::new(self))
    }

    /// The end of a call that ran while the lease ended. It may have been done, wholly or in part, so it
    /// does not say when to come back.
    pub fn cut_off(self, layer: Name) -> Rejection {
        Rejection::new(Kind::LeadershipLost, Executed::Unknown, layer).because(Arc::new(self))
    }

    /// Who leads, as the fields of an answer say; `None` also where that cannot be read.
    pub fn read_leader(fields: &impl Carrier) -> Option<NodeId> {
        let mut values = fields.get_all(Self::FIELD);
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        Some(NodeId(u32::try_from(plain_number(value)?).ok()?))
    }
}

impl fmt::Display for NotLeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.leader {
            Some(NodeId(node)) => write!(f, "node {node} leads"),
            None => f.write_str("who leads is not known"),
        }
    }
}

impl StdError for NotLeader {}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(refusal: &Rejection) -> Option<&NotLeader> {
        refusal.source()?.downcast_ref()
    }

    #[test]
    fn what_was_not_begun_and_what_was_cut_off_are_two_kinds_with_one_source() {
        let hint = NotLeader::new(Some(NodeId(2)));
        let follower = hint.rejection(Name::from("orders"));
        assert_eq!(
            (follower.kind(), follower.executed(), follower.layer()),
            (Kind::NotLeader, Executed::No, "orders")
        );
        let lost = hint.cut_off(Name::from("orders"));
        assert_eq!(
            (lost.kind(), lost.executed(), lost.retry_after()),
            (Kind::LeadershipLost, Executed::Unknown, None)
        );
        assert_eq!(source(&follower), Some(&hint));
        assert_eq!(source(&lost), Some(&hint));
        assert_eq!(hint.to_string(), "node 2 leads");
        let nobody = NotLeader::default();
        assert_eq!(nobody.leader(), None);
        assert_eq!(nobody.to_string(), "who leads is not known");
    }
}
