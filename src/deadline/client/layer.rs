//! Settings and handle of the client's layer.

use std::sync::Arc;

use tower::Layer;

use crate::deadline::record::Record;
use crate::deadline::{Format, HeadOnly};
use crate::error::{ConfigError, Kind};
use crate::name::Name;
use crate::sync::DurationCell;
use crate::telemetry::{Metered, Scope, event};

use super::policy::Terms;
use super::{DeadlineClient, DeadlineClientConfig};

/// Makes [`DeadlineClient`] services.
///
/// The services of one layer value and of its clones share its settings and its metrics.
#[derive(Clone, Debug)]
pub struct DeadlineClientLayer<C = HeadOnly> {
    shared: Arc<Shared>,
    formats: Arc<[Format]>,
    cover: C,
}

/// What the services of one layer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) record: Arc<Record>,
    margin: DurationCell,
    max: DurationCell,
    min: DurationCell,
}

impl Shared {
    /// A call may begin with one setting from before a change and one from after, as one that began in
    /// between would.
    pub(super) fn terms(&self) -> Terms {
        Terms {
            margin: self.margin.get(),
            max: self.max.get(),
            min: self.min.get(),
        }
    }
}

impl DeadlineClientLayer {
    /// Says to what `name` names how much time is left, as [`MILLIS`](Format::MILLIS).
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(name: impl Into<Name>, config: DeadlineClientConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let scope = Scope::new("deadline_client", name.into());
        let shared = Shared {
            record: Record::new(scope, &[Kind::DeadlineExceeded, Kind::Timeout]),
            margin: DurationCell::new(config.margin),
            max: DurationCell::new(config.max),
            min: DurationCell::new(config.min),
        };
        Ok(Self {
            shared: Arc::new(shared),
            formats: Arc::new([Format::MILLIS]),
            cover: HeadOnly,
        })
    }
}

impl<C> DeadlineClientLayer<C> {
    /// Says it in each of these formats and in no other.
    #[must_use]
    pub fn formats(mut self, formats: impl IntoIterator<Item = Format>) -> Self {
        self.formats = formats.into_iter().collect();
        self
    }

    /// Says what of a response still ends with the deadline.
    #[must_use]
    pub fn cover<D>(self, cover: D) -> DeadlineClientLayer<D> {
        DeadlineClientLayer {
            shared: self.shared,
            formats: self.formats,
            cover,
        }
    }

    /// A handle to change the settings of the services made, and to be made, by this layer.
    pub fn handle(&self) -> DeadlineClientHandle {
        DeadlineClientHandle {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S, C: Clone> Layer<S> for DeadlineClientLayer<C> {
    type Service = DeadlineClient<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        DeadlineClient::new(
            inner,
            Arc::clone(&self.shared),
            Arc::clone(&self.formats),
            self.cover.clone(),
        )
    }
}

/// Reads and changes the settings of a [`DeadlineClientLayer`] while it is in use.
#[derive(Clone, Debug)]
pub struct DeadlineClientHandle {
    shared: Arc<Shared>,
}

impl DeadlineClientHandle {
    /// The settings in force. What was set past 584 years (`u64::MAX` nanoseconds) is
    /// [`Duration::MAX`](std::time::Duration::MAX).
    pub fn config(&self) -> DeadlineClientConfig {
        let terms = self.shared.terms();
        DeadlineClientConfig {
            margin: terms.margin,
            max: terms.max,
            min: terms.min,
        }
    }

    /// Replaces the settings. Calls that are in flight keep theirs.
    ///
    /// # Errors
    /// When a setting is out of range; the old ones then stay.
    pub fn reconfigure(&self, config: DeadlineClientConfig) -> Result<(), ConfigError> {
        config.validate()?;
        self.shared.margin.set(config.margin);
        self.shared.max.set(config.max);
        self.shared.min.set(config.min);
        let scope = self.shared.record.calls().scope();
        event(scope, "reconfigured", format_args!("{config:?}"));
        Ok(())
    }
}
