//! Adapter for HTTP.
