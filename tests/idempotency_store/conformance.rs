//! Stores that keep all rules pass all cases.

use std::error::Error;
use std::time::Duration;

use mainstay::idempotency::conformance::{check, check_room};
use mainstay::idempotency::{MemoryStore, MemoryStoreConfig};

use crate::kit::{KEY, memory};
use crate::spec::Spec;

const UNIT: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn the_store_in_memory_passes() -> Result<(), Box<dyn Error>> {
    check(MemoryStore::new(MemoryStoreConfig::default())?, UNIT).await?;
    // With one shard, and a unit that no wall clock could tell.
    check(memory(1000, 64 << 20), Duration::from_millis(10)).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_store_in_memory_passes_within_its_limits() -> Result<(), Box<dyn Error>> {
    for keys in [1, 2, 7, 100] {
        check_room(memory(keys, 64 << 20), keys, UNIT).await?;
        // By its bytes, of which keys alone take all.
        check_room(memory(1000, keys * KEY + KEY - 1), keys, UNIT).await?;
    }
    check_room(memory(20_000, 64 << 20), 20_000, UNIT).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_plainest_store_passes() -> Result<(), Box<dyn Error>> {
    check(Spec::default(), UNIT).await?;
    check_room(Spec::bounded(5, None), 5, UNIT).await?;
    Ok(())
}
