//! Who writes.

/// Who writes the trace context of outgoing requests. Exactly one may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Writer {
    /// The layer does. The default.
    #[default]
    Own,
    /// Something further out has done so, an OpenTelemetry layer, say: the layer makes canonical what is
    /// there, and mints nothing. It is not guessed, for a header that another layer wrote looks like one
    /// that came in and was forwarded.
    Other,
}
