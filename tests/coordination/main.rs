//! Coordination from outside: acceptors as services, and the leases of a quorum of them.

#![cfg(all(feature = "coordination", feature = "test-util"))]

mod quorum;
