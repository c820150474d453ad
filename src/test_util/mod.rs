//! Kit for testing layers.
