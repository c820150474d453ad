//! What goes wrong on the way, and when.

use std::time::Duration;

use mainstay::Rng;
use tokio::time::Instant;

/// What becomes of one exchange on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The request is held up.
    SlowRequest(Duration),
    /// The response is held up.
    SlowResponse(Duration),
    /// The connection is reset before the server has seen the request.
    ResetBefore,
    /// The server has seen the request, and the connection is reset.
    ResetAfter,
    /// It is reset in the middle of the response.
    ResetMidway,
    /// The client is told that no more will come, in the middle of the response.
    HalfClosedToClient,
    /// The server is told that no more will come, when it has the request.
    HalfClosedToServer,
    /// Random bytes come in place of a response.
    Garbage,
    /// A status line comes, and then random bytes.
    GarbageHead,
    /// No byte of the response comes.
    StallHead,
    /// The head comes, a part of the body, and no more.
    StallBody,
}

impl Fault {
    pub(crate) const fn label(self) -> Option<&'static str> {
        Some(match self {
            Self::None => return None,
            Self::SlowRequest(_) => "fault: slow request",
            Self::SlowResponse(_) => "fault: slow response",
            Self::ResetBefore => "fault: reset before the server",
            Self::ResetAfter => "fault: reset before the response",
            Self::ResetMidway => "fault: reset in the response",
            Self::HalfClosedToClient => "fault: half-closed to the client",
            Self::HalfClosedToServer => "fault: half-closed to the server",
            Self::Garbage => "fault: garbage",
            Self::GarbageHead => "fault: garbage in the head",
            Self::StallHead => "fault: stall in the head",
            Self::StallBody => "fault: stall in the body",
        })
    }

    /// Whether its client sees the connection break, or what cannot be read.
    pub(crate) const fn is_cut(self) -> bool {
        matches!(
            self,
            Self::ResetBefore
                | Self::ResetAfter
                | Self::ResetMidway
                | Self::HalfClosedToClient
                | Self::HalfClosedToServer
                | Self::Garbage
                | Self::GarbageHead
        )
    }
}

/// A repeatable source of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    seed: u64,
    began: Instant,
}

/// Of ten thousand exchanges, how many fail: in fair weather, and in a storm.
const FAIR: u64 = 200;
const STORM: u64 = 9000;
/// How often there is a storm, when it begins, and when it is over.
const CYCLE: Duration = Duration::from_secs(2);
const STORM_BEGINS: u128 = 900;
const STORM_ENDS: u128 = 1200;

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        let began = Instant::now();
        Self { seed, began }
    }

    fn is_storm(self) -> bool {
        let time = self.began.elapsed().as_millis() % CYCLE.as_millis();
        (STORM_BEGINS..STORM_ENDS).contains(&time)
    }

    /// For the `exchange`th request on a connection. The bytes are for those that need some.
    pub(crate) fn draw(self, connection: u64, exchange: u64) -> (Fault, [u8; 8]) {
        let whole = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let rng = Rng::seeded(whole ^ (connection << 24) ^ exchange);
        let odds = if self.is_storm() { STORM } else { FAIR };
        if rng.bits() % 10_000 >= odds {
            return (Fault::None, [0; 8]);
        }
        let slow = |max| rng.duration(Duration::from_millis(2)..=Duration::from_millis(max));
        let fault = match rng.bits() % 100 {
            0..12 => Fault::SlowRequest(slow(80)),
            12..24 => Fault::SlowResponse(slow(80)),
            24..32 => Fault::ResetBefore,
            32..42 => Fault::ResetAfter,
            42..52 => Fault::ResetMidway,
            52..60 => Fault::HalfClosedToClient,
            60..68 => Fault::HalfClosedToServer,
            68..75 => Fault::Garbage,
            75..82 => Fault::GarbageHead,
            82..91 => Fault::StallHead,
            _ => Fault::StallBody,
        };
        // The first byte can neither end a head nor be in one, so that no garbage is a valid response.
        let [first, others @ ..] = rng.bits().to_le_bytes();
        let mut bytes = [first | 0x80; 8];
        bytes[1..].copy_from_slice(&others);
        (fault, bytes)
    }
}
