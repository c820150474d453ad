//! The settings under loom: each that a call reads is one that was set.

use std::time::Duration;

use loom::sync::Arc;
use loom::thread;

use super::dials::Dials;
use super::{BodyLimits, BodyTimeoutConfig};

fn limits(each: Duration) -> BodyLimits {
    let config = BodyTimeoutConfig::default();
    BodyLimits::new(&config.first(each).idle(each).total(each)).unwrap()
}

#[test]
fn loom_a_call_reads_limits_that_were_set() {
    loom::model(|| {
        let (old, new) = (Duration::from_nanos(1), Duration::MAX);
        let dials = Arc::new(Dials::new(limits(old)));
        let set = Arc::clone(&dials);
        let setter = thread::spawn(move || set.set(limits(new)));
        let read = dials.limits();
        for limit in [read.first, read.idle, read.total] {
            assert!(limit == old || limit == new, "{limit:?}");
        }
        setter.join().unwrap();
        assert_eq!(dials.limits(), limits(new));
    });
}
