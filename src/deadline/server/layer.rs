//! Settings and handle of the server's layer.

use std::sync::Arc;

use tower::Layer;

use crate::deadline::record::Record;
use crate::deadline::{Format, HeadOnly};
use crate::error::{ConfigError, Kind};
use crate::name::Name;
use crate::telemetry::{Counter, Metered, Scope, event};

use super::settings::Settings;
use super::{DeadlineServer, DeadlineServerConfig, Nobody};

/// Makes [`DeadlineServer`] services.
///
/// The services of one layer value and of its clones share its settings, its metrics, and the share of
/// requests that it refuses.
#[derive(Clone, Debug)]
pub struct DeadlineServerLayer<C = HeadOnly, T = Nobody> {
    shared: Arc<Shared>,
    formats: Arc<[Format]>,
    cover: C,
    trust: T,
}

/// What the services of one layer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) record: Arc<Record>,
    pub(super) refused: Counter,
    pub(super) passed: Counter,
    pub(super) settings: Settings,
}

impl DeadlineServerLayer {
    /// Reads the time left from what arrives at what `name` names: from
    /// [`MILLIS`](Format::MILLIS), [`GRPC_TIMEOUT`](Format::GRPC_TIMEOUT) and, once somebody is
    /// [trusted](Self::trust), [`ENVOY_EXPECTED`](Format::ENVOY_EXPECTED).
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(name: impl Into<Name>, config: DeadlineServerConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let scope = Scope::new("deadline_server", name.into());
        let expired =
            |action| scope.counter_by("mainstay_deadline_expired_total", "action", action);
        let shared = Shared {
            refused: expired("refused"),
            passed: expired("passed"),
            record: Record::new(scope, &[Kind::DeadlineExceeded]),
            settings: Settings::new(config),
        };
        Ok(Self {
            shared: Arc::new(shared),
            formats: Arc::new(Format::KNOWN),
            cover: HeadOnly,
            trust: Nobody,
        })
    }
}

impl<C, T> DeadlineServerLayer<C, T> {
    /// Reads these formats and no others. Where several say something, the shortest time counts.
    #[must_use]
    pub fn formats(mut self, formats: impl IntoIterator<Item = Format>) -> Self {
        self.formats = formats.into_iter().collect();
        self
    }

    /// Says what of a response still ends with the deadline.
    #[must_use]
    pub fn cover<D>(self, cover: D) -> DeadlineServerLayer<D, T> {
        DeadlineServerLayer {
            shared: self.shared,
            formats: self.formats,
            cover,
            trust: self.trust,
        }
    }

    /// Says which peers may send [`ENVOY_EXPECTED`](Format::ENVOY_EXPECTED); from others it is removed.
    /// It is asked for requests that carry the field.
    #[must_use]
    pub fn trust<U>(self, trust: U) -> DeadlineServerLayer<C, U> {
        DeadlineServerLayer {
            shared: self.shared,
            formats: self.formats,
            cover: self.cover,
            trust,
        }
    }

    /// A handle to change the settings of the services made, and to be made, by this layer.
    pub fn handle(&self) -> DeadlineServerHandle {
        DeadlineServerHandle {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S, C: Clone, T: Clone> Layer<S> for DeadlineServerLayer<C, T> {
    type Service = DeadlineServer<S, C, T>;

    fn layer(&self, inner: S) -> Self::Service {
        DeadlineServer::new(
            inner,
            Arc::clone(&self.shared),
            Arc::clone(&self.formats),
            self.cover.clone(),
            self.trust.clone(),
        )
    }
}

/// Reads and changes the settings of a [`DeadlineServerLayer`] while it is in use.
#[derive(Clone, Debug)]
pub struct DeadlineServerHandle {
    shared: Arc<Shared>,
}

impl DeadlineServerHandle {
    /// The settings in force.
    pub fn config(&self) -> DeadlineServerConfig {
        self.shared.settings.config()
    }

    /// Replaces the settings. Calls that are in flight keep theirs.
    ///
    /// # Errors
    /// When a setting is out of range; the old ones then stay.
    pub fn reconfigure(&self, config: DeadlineServerConfig) -> Result<(), ConfigError> {
        config.validate()?;
        self.shared.settings.set(config.clone());
        let scope = self.shared.record.calls().scope();
        event(scope, "reconfigured", format_args!("{config:?}"));
        Ok(())
    }
}
