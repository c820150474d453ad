//! What a trace context says of sampling.

/// The flags that level 2 knows; all others are dropped when parsed and never sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TraceFlags(
    /// A whole word: beside one byte the padding would be copied with each context, in pieces.
    u64,
);

impl TraceFlags {
    const SAMPLED: u64 = 0b01;
    const RANDOM: u64 = 0b10;

    /// The known flags of a byte.
    pub const fn from_bits(bits: u8) -> Self {
        Self(u64::from_le_bytes([bits, 0, 0, 0, 0, 0, 0, 0]) & (Self::SAMPLED | Self::RANDOM))
    }

    /// The byte of the wire.
    pub const fn bits(self) -> u8 {
        let [bits, ..] = self.0.to_le_bytes();
        bits
    }

    /// Whether the caller may have recorded the trace.
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED != 0
    }

    /// Whether the right-most 7 bytes of the trace id are random.
    pub const fn is_random(self) -> bool {
        self.0 & Self::RANDOM != 0
    }

    /// The same, with the sampled flag set or cleared.
    #[must_use]
    pub const fn sampled(self, sampled: bool) -> Self {
        self.with(Self::SAMPLED, sampled)
    }

    /// The same, with the random flag set or cleared.
    #[must_use]
    pub const fn random(self, random: bool) -> Self {
        self.with(Self::RANDOM, random)
    }

    const fn with(self, flag: u64, is_set: bool) -> Self {
        Self(if is_set {
            self.0 | flag
        } else {
            self.0 & !flag
        })
    }
}
