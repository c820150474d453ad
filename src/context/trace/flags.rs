//! What a trace context says of sampling.

/// The flags that level 2 knows; all others are dropped when parsed and never sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TraceFlags(u8);

impl TraceFlags {
    const SAMPLED: u8 = 0b01;
    const RANDOM: u8 = 0b10;

    /// The known flags of a byte.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & (Self::SAMPLED | Self::RANDOM))
    }

    /// The byte of the wire.
    pub const fn bits(self) -> u8 {
        self.0
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

    const fn with(self, flag: u8, is_set: bool) -> Self {
        Self(if is_set {
            self.0 | flag
        } else {
            self.0 & !flag
        })
    }
}
