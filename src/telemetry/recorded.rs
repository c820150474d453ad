//! Instruments of the `metrics` crate.

use std::sync::Arc;

use super::Scope;

pub(crate) use metrics::{Counter, Gauge, Histogram};

impl Scope {
    pub(crate) fn counter(&self, metric: &'static str) -> Counter {
        metrics::counter!(metric, "layer" => self.layer, "name" => Arc::<str>::from(self.name()))
    }

    pub(crate) fn counter_by(
        &self,
        metric: &'static str,
        key: &'static str,
        value: &'static str,
    ) -> Counter {
        let name = Arc::<str>::from(self.name());
        metrics::counter!(metric, "layer" => self.layer, "name" => name, key => value)
    }

    pub(crate) fn gauge(&self, metric: &'static str) -> Gauge {
        metrics::gauge!(metric, "layer" => self.layer, "name" => Arc::<str>::from(self.name()))
    }

    pub(crate) fn gauge_by(
        &self,
        metric: &'static str,
        key: &'static str,
        value: &'static str,
    ) -> Gauge {
        let name = Arc::<str>::from(self.name());
        metrics::gauge!(metric, "layer" => self.layer, "name" => name, key => value)
    }

    pub(crate) fn histogram(&self, metric: &'static str) -> Histogram {
        metrics::histogram!(metric, "layer" => self.layer, "name" => Arc::<str>::from(self.name()))
    }
}
