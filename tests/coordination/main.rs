//! Coordination from outside: leases, elections and what is done under them.

#![cfg(all(feature = "test-util", feature = "coordination"))]

mod election;
