//! Which traces are recorded.

use crate::ratio::Ratio;

use super::TraceContext;

/// Decides whether a trace that begins here is sampled.
///
/// It is asked for roots alone: a trace that a peer began keeps the peer's decision. Closures
/// `Fn(&TraceContext, Option<&TraceContext>) -> bool` do.
pub trait Sampler {
    /// Whether the trace that begins with `root` is sampled. `replaced` is the context that a peer sent
    /// and a boundary gave up, if that is why it begins.
    fn sample(&self, root: &TraceContext, replaced: Option<&TraceContext>) -> bool;
}

impl<F> Sampler for F
where
    F: Fn(&TraceContext, Option<&TraceContext>) -> bool,
{
    fn sample(&self, root: &TraceContext, replaced: Option<&TraceContext>) -> bool {
        self(root, replaced)
    }
}

/// Every trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Always;

impl Sampler for Always {
    fn sample(&self, _root: &TraceContext, _replaced: Option<&TraceContext>) -> bool {
        true
    }
}

/// No trace, which is also what is sent where nobody has decided. The default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Never;

impl Sampler for Never {
    fn sample(&self, _root: &TraceContext, _replaced: Option<&TraceContext>) -> bool {
        false
    }
}

/// The decision of the peer whose context was given up at a boundary; for all other roots, that of
/// another sampler.
///
/// A peer that is not trusted can then have everything sampled. Use it where a trace is begun anew for
/// its ids, not where the load of recording is what needs protection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParentBased<R> {
    root: R,
}

impl<R> ParentBased<R> {
    /// `root` decides where there is no peer's decision.
    pub const fn new(root: R) -> Self {
        Self { root }
    }
}

impl<R: Sampler> Sampler for ParentBased<R> {
    fn sample(&self, root: &TraceContext, replaced: Option<&TraceContext>) -> bool {
        match replaced {
            Some(peer) => peer.flags().is_sampled(),
            None => self.root.sample(root, None),
        }
    }
}

/// A share of the traces, by trace id: the same trace is sampled by all who take the same share, and
/// what a smaller share samples a larger one does too.
///
/// It reads the right-most 7 bytes of the id, which level 2 has be random, and samples where they are
/// at or above the threshold, as OpenTelemetry's consistent probability sampling does. Exact at both
/// ends: [`Ratio::ZERO`] samples none, [`Ratio::ONE`] all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByRatio {
    threshold: u64,
}

impl ByRatio {
    /// 2^56: how many values 7 bytes have.
    const VALUES: u64 = 1 << 56;
    const RIGHT_MOST: u128 = 0xff_ffff_ffff_ffff;

    /// This share of the traces, to a millionth.
    pub fn new(ratio: Ratio) -> Self {
        Self {
            threshold: Self::VALUES.saturating_sub(ratio.of(Self::VALUES)),
        }
    }
}

impl Sampler for ByRatio {
    fn sample(&self, root: &TraceContext, _replaced: Option<&TraceContext>) -> bool {
        let random = u128::from_be_bytes(root.trace_id().to_bytes()) & Self::RIGHT_MOST;
        random >= u128::from(self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::trace::{SpanId, TraceFlags, TraceId};

    fn context(random: u64, sampled: bool) -> TraceContext {
        let id = (0xabcd_u128 << 112) | (0xff << 56) | u128::from(random);
        TraceContext::new(
            TraceId::from_bytes(id.to_be_bytes()).unwrap(),
            SpanId::from_bytes([1; 8]).unwrap(),
            TraceFlags::default().sampled(sampled),
        )
    }

    fn samples(ratio: Ratio, random: u64) -> bool {
        ByRatio::new(ratio).sample(&context(random, false), None)
    }

    const LAST: u64 = (1 << 56) - 1;
    const HALF: u64 = 1 << 55;

    #[test]
    fn none_and_all_are_exact_at_both_ends_of_the_ids() {
        for random in [0, 1, HALF - 1, HALF, LAST - 1, LAST] {
            assert!(!samples(Ratio::ZERO, random), "{random:x}");
            assert!(samples(Ratio::ONE, random), "{random:x}");
        }
    }

    #[test]
    fn a_half_begins_exactly_in_the_middle() {
        let half = Ratio::new(0.5).unwrap();
        assert!(!samples(half, 0));
        assert!(!samples(half, HALF - 1));
        assert!(samples(half, HALF));
        assert!(samples(half, LAST));
    }

    #[test]
    fn the_smallest_share_is_a_millionth_and_the_largest_but_one_leaves_one_out() {
        let smallest = Ratio::new(0.000_001).unwrap();
        assert!(samples(smallest, LAST));
        assert!(!samples(smallest, LAST - (1 << 56) / 1_000_000));
        let largest = Ratio::new(0.999_999).unwrap();
        assert!(!samples(largest, 0));
        assert!(samples(largest, (1 << 56) / 1_000_000 + 1));
    }

    #[test]
    fn what_a_smaller_share_samples_a_larger_one_does_too() {
        let seed = std::env::var("MAINSTAY_SEED").map_or(7, |seed| seed.parse().unwrap());
        println!("MAINSTAY_SEED={seed}");
        let rng = Rng::seeded(seed);
        let tenth = ByRatio::new(Ratio::new(0.1).unwrap());
        let third = ByRatio::new(Ratio::new(0.3).unwrap());
        let (mut tenths, mut thirds) = (0, 0);
        for _ in 0..10_000 {
            let root = TraceContext::root(&rng);
            let (smaller, larger) = (tenth.sample(&root, None), third.sample(&root, None));
            assert!(larger || !smaller, "{root:?}");
            tenths += u32::from(smaller);
            thirds += u32::from(larger);
        }
        assert!((800..1200).contains(&tenths), "{tenths}");
        assert!((2700..3300).contains(&thirds), "{thirds}");
    }

    #[test]
    fn a_peer_that_was_given_up_decides_and_else_the_root_sampler_does() {
        let root = context(0, false);
        let based = ParentBased::new(Always);
        assert!(based.sample(&root, None));
        assert!(based.sample(&root, Some(&context(0, true))));
        assert!(!based.sample(&root, Some(&context(0, false))));
        assert!(!ParentBased::new(Never).sample(&root, None));
    }

    #[test]
    fn a_closure_is_a_sampler() {
        let only_new = |_: &TraceContext, replaced: Option<&TraceContext>| replaced.is_none();
        assert!(only_new.sample(&context(0, false), None));
        assert!(!only_new.sample(&context(0, false), Some(&context(0, true))));
    }
}
