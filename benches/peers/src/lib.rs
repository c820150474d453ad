//! Nothing but the tests and benches that use it.
