//! What the layer needs to know of a request.

use std::error::Error as StdError;
use std::sync::Arc;

use crate::error::Kind;

use super::{ClientKey, Execution, Fingerprint};

/// Finds the key of a request, and what makes two requests the same.
pub trait Prepare<Req>: Send + Sync + 'static {
    /// The request as the inner service gets it; another type where its body had to be read.
    type Inner;

    /// The key that the client gave; `None` for a request that goes straight through.
    ///
    /// # Errors
    /// When the key is missing where it must not be, or cannot be read.
    fn key(&self, request: &Req) -> Result<Option<ClientKey>, Unfit>;

    /// A request without a key, untouched.
    fn pass(&self, request: Req) -> Self::Inner;

    /// Reads as much of a request with a key as tells it from others. Nothing is claimed before. It is
    /// dropped at the deadline of the call.
    ///
    /// # Errors
    /// When the body is too large or cannot be read.
    fn fingerprint(
        &self,
        request: Req,
    ) -> impl Future<Output = Result<(Self::Inner, Fingerprint), Unfit>> + Send;

    /// Tells the handler about the execution that it is. The default does not.
    fn attach(&self, request: &mut Self::Inner, execution: &Execution) {
        let _ = (request, execution);
    }
}

/// Why a request cannot be run under a key.
#[derive(Clone, Debug)]
pub struct Unfit {
    pub(super) kind: Kind,
    pub(super) because: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Unfit {
    /// For a refusal of `kind`.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            because: None,
        }
    }

    /// What the refusal will be.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Says what caused it.
    #[must_use]
    pub fn because(mut self, cause: Arc<dyn StdError + Send + Sync>) -> Self {
        self.because = Some(cause);
        self
    }
}
