//! Coordination from outside: acceptors, leases and elections, and what is done under them.

#![cfg(all(feature = "test-util", feature = "coordination"))]

mod election;
mod linearizable;
mod quorum;
