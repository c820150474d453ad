//! Instruments that record nothing, so that patterns need not know whether metrics are on.

use super::Scope;

#[derive(Clone, Debug)]
pub(crate) struct Counter;

impl Counter {
    #[expect(clippy::unused_self, reason = "the shape of metrics::Counter")]
    pub(crate) fn increment(&self, _by: u64) {}
}

#[derive(Clone, Debug)]
pub(crate) struct Gauge;

#[expect(clippy::unused_self, reason = "the shape of metrics::Gauge")]
impl Gauge {
    pub(crate) fn increment(&self, _by: f64) {}
    pub(crate) fn decrement(&self, _by: f64) {}
    pub(crate) fn set(&self, _value: f64) {}
}

#[derive(Clone, Debug)]
pub(crate) struct Histogram;

impl Histogram {
    #[expect(clippy::unused_self, reason = "the shape of metrics::Histogram")]
    pub(crate) fn record(&self, _value: std::time::Duration) {}
}

#[expect(clippy::unused_self, reason = "the shape of the recorded scope")]
impl Scope {
    pub(crate) fn counter(&self, _metric: &'static str) -> Counter {
        Counter
    }

    pub(crate) fn counter_by(
        &self,
        _metric: &'static str,
        _key: &'static str,
        _value: &'static str,
    ) -> Counter {
        Counter
    }

    pub(crate) fn gauge(&self, _metric: &'static str) -> Gauge {
        Gauge
    }

    pub(crate) fn gauge_by(
        &self,
        _metric: &'static str,
        _key: &'static str,
        _value: &'static str,
    ) -> Gauge {
        Gauge
    }

    pub(crate) fn histogram(&self, _metric: &'static str) -> Histogram {
        Histogram
    }
}
