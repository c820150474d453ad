//! The layers of a term: that by which only the leader serves, and that which refuses the tokens of terms
//! before. By tokio's clock: valgrind knows nothing of the way by which the one that counts suspension is read.

use std::time::Duration;

use ::mainstay::context::{Carrier, Field};
use ::mainstay::coordination::{
    FencingGate, FencingLayer, FencingToken, LeaderConfig, LeaderLayer, ManualSeat, NodeId, Timing,
    TimingConfig, TokioClock,
};
use tower::{Layer, Service, ServiceBuilder};

use super::{Case, Inner};

/// A request with room for a token, which every one that comes has, and for nothing else.
struct Letter(u64);

impl Carrier for Letter {
    fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        let token = (field == FencingToken::FIELD).then_some(&b"1"[..]);
        token.into_iter()
    }

    fn set(&mut self, _field: Field, _value: &[u8]) {}

    fn remove(&mut self, _field: Field) {}
}

pub(crate) fn mainstay_leads(inner: impl Inner) -> impl Case {
    let seat = seat();
    seat.lead(FencingToken::FIRST);
    below(by(seat), inner)
}

/// Refuses every call.
pub(crate) fn mainstay_follows(inner: impl Inner) -> impl Case {
    let seat = seat();
    seat.follow(Some(NodeId(2)));
    below(by(seat), inner)
}

pub(crate) fn mainstay_fencing(inner: impl Inner) -> impl Case {
    let gate = FencingGate::in_memory(None);
    below(FencingLayer::new("bench", gate), inner)
}

fn seat() -> ManualSeat {
    let hour = TimingConfig::default().ttl(Duration::from_secs(3600));
    ManualSeat::new(Timing::new(hour).expect("in range"), TokioClock::new())
}

fn by(seat: ManualSeat) -> LeaderLayer {
    let layer = LeaderLayer::new("bench", seat, LeaderConfig::default());
    layer.expect("settings in range")
}

fn below<I, L>(layer: L, inner: I) -> impl Case
where
    I: Inner,
    L: Layer<tower::util::MapRequest<I, fn(Letter) -> u64>>,
    L::Service: Service<Letter, Response = u64> + Clone + Send,
{
    let open: fn(Letter) -> u64 = |Letter(number)| number;
    ServiceBuilder::new()
        .map_request(Letter)
        .layer(layer)
        .map_request(open)
        .service(inner)
}
