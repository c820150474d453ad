//! The leader's layer over a service that answers at once, by the clock that counts suspension.

use std::time::Duration;

use mainstay::context::{Carrier, Field};
use mainstay::coordination::{
    BootClock, FencingToken, LeaderConfig, LeaderLayer, ManualSeat, NodeId, Timing, TimingConfig,
};
use tower::{Service, ServiceBuilder};

use super::cases::Answer;

/// A request without room for fields.
struct Blank(u64);

impl Carrier for Blank {
    fn get_all(&self, _field: Field) -> impl Iterator<Item = &[u8]> {
        std::iter::empty()
    }

    fn set(&mut self, _field: Field, _value: &[u8]) {}

    fn remove(&mut self, _field: Field) {}
}

fn over(seat: ManualSeat) -> impl Service<u64, Response = u64> {
    let layer = LeaderLayer::new("bench", seat, LeaderConfig::default());
    ServiceBuilder::new()
        .map_request(Blank)
        .layer(layer.expect("settings in range"))
        .map_request(|Blank(number)| number)
        .service(Answer)
}

fn seat() -> ManualSeat {
    let hour = TimingConfig::default().ttl(Duration::from_secs(3600));
    ManualSeat::new(Timing::new(hour).expect("in range"), BootClock)
}

pub(crate) fn leads() -> impl Service<u64, Response = u64> {
    let seat = seat();
    seat.lead(FencingToken::FIRST);
    over(seat)
}

pub(crate) fn follows() -> impl Service<u64, Response = u64> {
    let seat = seat();
    seat.follow(Some(NodeId(2)));
    over(seat)
}
