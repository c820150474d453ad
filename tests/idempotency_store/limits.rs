//! What a store in memory does when it is full.

use std::pin::pin;
use std::task::{Context, Waker};

use bytes::Bytes;
use mainstay::idempotency::{
    Claim, Claimed, Disposition, Fenced, Fingerprint, MemoryStore, MemoryStoreConfig, Store,
    Stored, Tombstone,
};

use crate::kit::{ACQUIRED, KEY, RETENTION, claim, claims, done, finishes, memory, record};

const DEMOTED: Claimed = Claimed::Done(Stored::Tombstone(Tombstone::Demoted));

/// What somebody else is told of a key.
async fn told(store: &MemoryStore, key: u64) -> Claimed {
    claims(store, &claim(key, u128::MAX)).await
}

#[test]
fn settings_out_of_range_are_named() {
    let said = |config| MemoryStore::new(config).map(drop).unwrap_err().to_string();
    let config = MemoryStoreConfig::default;
    let none = said(config().records(0));
    assert_eq!(none, "records is 0, but must be at least 1");
    let few = said(config().bytes(KEY - 1));
    assert_eq!(few, "bytes is 575, but must be at least 576");
    assert!(MemoryStore::new(config().records(1).bytes(KEY)).is_ok());
    let endless = config().records(usize::MAX).bytes(usize::MAX);
    assert!(MemoryStore::new(endless).is_ok());
}

#[tokio::test(start_paused = true)]
async fn room_for_one_key_is_room_for_one() {
    for store in [memory(1, 1 << 20), memory(9, KEY), memory(9, 2 * KEY - 1)] {
        let first = claim(1, 1);
        assert_eq!(claims(&store, &first).await, ACQUIRED);
        assert_eq!(claims(&store, &claim(2, 2)).await, Claimed::Full);
        // The key that is known is answered all the same, and its end is kept.
        assert!(matches!(told(&store, 1).await, Claimed::InFlight { .. }));
        assert_eq!(store.renew(&first).await, Ok(Fenced::Applied));
        let large = finishes(&store, &first, record(1 << 20)).await;
        assert_eq!(large, Fenced::Applied);
        assert_eq!(told(&store, 1).await, DEMOTED);
        assert_eq!(claims(&store, &claim(2, 2)).await, Claimed::Full);
        tokio::time::advance(RETENTION).await;
        assert_eq!(claims(&store, &claim(2, 2)).await, ACQUIRED);
        assert_eq!(store.snapshot().records(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_oldest_records_are_demoted_and_no_more_than_must_be() {
    // Room for four keys, and a thousand bytes of records.
    let store = memory(100, 4 * KEY + 1000);
    for key in [3, 1, 2] {
        done(&store, key, 300).await;
    }
    assert_eq!(store.snapshot().tombstones(), 0);
    done(&store, 4, 100).await; // to the last byte
    assert_eq!(store.snapshot().bytes(), 4 * KEY + 1000);
    assert_eq!(store.snapshot().tombstones(), 0);
    assert_eq!(told(&store, 3).await, Claimed::Done(record(300)));

    store.purge(&claim(4, 0).key).await.unwrap();
    done(&store, 4, 101).await; // and one past it
    assert_eq!(told(&store, 3).await, DEMOTED);
    assert_eq!(told(&store, 1).await, Claimed::Done(record(300)));
    let seen = store.snapshot();
    assert_eq!((seen.done(), seen.tombstones()), (4, 1));
    assert_eq!(seen.bytes(), 4 * KEY + 701);
    // What was replayed is no younger by that.
    store.purge(&claim(3, 0).key).await.unwrap();
    done(&store, 5, 599).await; // in the place of 3, and of the record of 1
    assert_eq!(told(&store, 1).await, DEMOTED);
    assert_eq!(told(&store, 2).await, Claimed::Done(record(300)));
    assert_eq!(told(&store, 4).await, Claimed::Done(record(101)));
}

#[tokio::test(start_paused = true)]
async fn a_record_larger_than_all_room_is_a_tombstone_and_costs_no_other_its_record() {
    let store = memory(100, 2 * KEY + 1000);
    done(&store, 1, 10).await;
    done(&store, 2, 1001).await;
    assert_eq!(told(&store, 2).await, DEMOTED);
    assert_eq!(told(&store, 1).await, Claimed::Done(record(10)));
    store.purge(&claim(2, 0).key).await.unwrap();
    done(&store, 2, 1000).await;
    assert_eq!(told(&store, 2).await, Claimed::Done(record(1000)));
    assert_eq!(told(&store, 1).await, DEMOTED);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_takes_the_room_of_a_record_but_in_vain_it_takes_none() {
    let store = memory(100, 3 * KEY);
    done(&store, 1, 300).await;
    done(&store, 2, 200).await;
    let third = claim(3, 3);
    assert_eq!(claims(&store, &third).await, ACQUIRED);
    assert_eq!(told(&store, 1).await, DEMOTED);
    assert_eq!(told(&store, 2).await, DEMOTED);

    let store = memory(2, 3 * KEY);
    done(&store, 1, 300).await;
    done(&store, 2, 200).await;
    assert_eq!(claims(&store, &third).await, Claimed::Full);
    assert_eq!(finishes(&store, &third, record(9)).await, Fenced::Gone);
    let store = memory(100, 2 * KEY + 500);
    done(&store, 1, 300).await;
    done(&store, 2, 200).await;
    assert_eq!(claims(&store, &third).await, Claimed::Full);
    assert_eq!(told(&store, 1).await, Claimed::Done(record(300)));
    assert_eq!(told(&store, 2).await, Claimed::Done(record(200)));
}

#[tokio::test(start_paused = true)]
async fn a_finish_that_keeps_nothing_costs_no_other_its_record() {
    let store = memory(100, 3 * KEY + 1000);
    done(&store, 1, 500).await;
    let second = done(&store, 2, 400).await;
    for _ in 0..3 {
        let again = finishes(&store, &second, record(400)).await;
        assert_eq!(again, Fenced::Applied);
        let other = finishes(&store, &claim(2, 99), record(1000)).await;
        assert_eq!(other, Fenced::Superseded);
    }
    assert_eq!(told(&store, 1).await, Claimed::Done(record(500)));
    assert_eq!(store.snapshot().bytes(), 2 * KEY + 900);
}

#[tokio::test(start_paused = true)]
async fn evict_oldest_forgets_what_has_been_done_for_longest_and_nothing_that_is_claimed() {
    let config = MemoryStoreConfig::default().evict_oldest(true);
    let by_number = MemoryStore::new(config.clone().records(3)).unwrap();
    let by_bytes = MemoryStore::new(config.bytes(3 * KEY)).unwrap();
    for store in [by_number, by_bytes] {
        let first = claim(1, 1);
        assert_eq!(claims(&store, &first).await, ACQUIRED);
        done(&store, 2, 0).await;
        let tombstone = Stored::Tombstone(Tombstone::Streaming);
        assert_eq!(claims(&store, &claim(3, 3)).await, ACQUIRED);
        finishes(&store, &claim(3, 3), tombstone.clone()).await;

        assert_eq!(claims(&store, &claim(4, 4)).await, ACQUIRED);
        assert_eq!(told(&store, 3).await, Claimed::Done(tombstone));
        assert_eq!(claims(&store, &claim(2, 2)).await, ACQUIRED); // in the place of 3
        // All are claimed now.
        assert_eq!(claims(&store, &claim(5, 5)).await, Claimed::Full);
        for key in [1, 2, 4] {
            let again = claims(&store, &claim(key, u128::from(key))).await;
            assert_eq!(again, ACQUIRED);
        }
        assert_eq!(store.snapshot().pending(), 3);
        // The end of one that was forgotten is kept, if another's can be forgotten for it.
        let missing = claim(6, 6);
        assert_eq!(finishes(&store, &missing, record(0)).await, Fenced::Gone);
        finishes(&store, &first, record(0)).await;
        assert_eq!(finishes(&store, &missing, record(0)).await, Fenced::Applied);
        // The other was the first, which is run again if it comes.
        assert_eq!(claims(&store, &first).await, ACQUIRED);
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_demoted_is_as_old_as_before() {
    let config = MemoryStoreConfig::default().evict_oldest(true);
    let store = MemoryStore::new(config.records(3).bytes(3 * KEY + 100)).unwrap();
    done(&store, 1, 100).await;
    let second = claim(2, 2);
    let tombstone = Stored::Tombstone(Tombstone::Streaming);
    finishes(&store, &second, tombstone.clone()).await;
    done(&store, 3, 100).await;
    assert_eq!(told(&store, 1).await, DEMOTED);
    assert_eq!(claims(&store, &claim(4, 4)).await, ACQUIRED);
    assert_eq!(told(&store, 2).await, Claimed::Done(tombstone));
    assert_eq!(told(&store, 3).await, Claimed::Done(record(100)));
}

#[tokio::test(start_paused = true)]
async fn evict_oldest_forgets_no_key_for_the_sake_of_a_record() {
    let config = MemoryStoreConfig::default().evict_oldest(true);
    let store = MemoryStore::new(config.bytes(3 * KEY + 100)).unwrap();
    for key in [1, 2] {
        let tombstone = Stored::Tombstone(Tombstone::ByHandler);
        finishes(&store, &claim(key, 1), tombstone).await;
    }
    assert_eq!(claims(&store, &claim(3, 3)).await, ACQUIRED);
    finishes(&store, &claim(3, 3), record(200)).await;
    assert_eq!(told(&store, 3).await, DEMOTED);
    assert_eq!(store.snapshot().done(), 3);
}

#[tokio::test(start_paused = true)]
async fn over_many_shards_the_limits_hold_exactly() {
    let records = 5000;
    let store = memory(records, records * KEY + 10_000);
    let most = u64::try_from(records).unwrap();
    for key in 0..most {
        assert_eq!(claims(&store, &claim(key, 1)).await, ACQUIRED, "{key}");
    }
    for key in most..most + 100 {
        assert_eq!(claims(&store, &claim(key, 1)).await, Claimed::Full);
    }
    for key in 0..most {
        let finished = finishes(&store, &claim(key, 1), record(100)).await;
        assert_eq!(finished, Fenced::Applied);
        assert!(store.snapshot().bytes() <= records * KEY + 10_000);
    }
    let seen = store.snapshot();
    assert_eq!((seen.done(), seen.tombstones()), (records, records - 100));
    assert_eq!(seen.bytes(), records * KEY + 10_000);
    // What is left are about the newest, and none of the oldest half.
    for key in 0..most / 2 {
        assert_eq!(told(&store, key).await, DEMOTED, "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn clones_are_one_store() {
    let store = memory(1, 1 << 20);
    let twin = store.clone();
    done(&store, 1, 5).await;
    assert_eq!(told(&twin, 1).await, Claimed::Done(record(5)));
    assert_eq!(claims(&twin, &claim(2, 2)).await, Claimed::Full);
    let misuse = Claim {
        fingerprint: Fingerprint::from_bytes([9; 32]),
        ..claim(1, 3)
    };
    assert_eq!(claims(&twin, &misuse).await, Claimed::Mismatch);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_a_slice_does_not_keep_the_whole() {
    let store = memory(10, 1 << 20);
    let buffer = Bytes::from(vec![7; 1 << 20]);
    let slice = Stored::Record(buffer.slice(10..20));
    assert_eq!(finishes(&store, &claim(1, 1), slice).await, Fenced::Applied);
    assert!(buffer.is_unique());
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_in_no_debug_text() {
    // Fault 43.
    let store = memory(10, 1 << 20);
    let first = claim(1, 1);
    let kept = Stored::Record(Bytes::from_static(b"4242-4242"));
    let other = Stored::Record(Bytes::from_static(b"4242-4243"));
    let disposition = Disposition::Keep(Bytes::from_static(b"4242-4242"));
    finishes(&store, &first, kept.clone()).await;
    let answer = told(&store, 1).await;
    assert_eq!(answer, Claimed::Done(kept.clone()));
    for text in [
        format!("{kept:?}"),
        format!("{answer:?}"),
        format!("{disposition:?}"),
        format!("{store:?}"),
    ] {
        assert!(!text.contains("4242") && text.len() < 200, "{text}");
    }
    let same = kept.clone();
    assert_eq!(format!("{kept:?}"), format!("{same:?}"));
    assert_ne!(
        format!("{kept:?}"),
        format!("{other:?}"),
        "two are told apart"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_takes_no_more_memory_than_is_counted_for_it() {
    const RECORD: usize = 10;
    for keys in [1000_u64, 3000, 7200, 14_400, 29_000, 58_000] {
        let store = memory(100_000, 1 << 30);
        let fill = async {
            for key in 0..keys {
                done(&store, key, RECORD).await;
                told(&store, key).await;
            }
        };
        let mut fill = pin!(fill);
        let info = allocation_counter::measure(|| {
            let mut cx = Context::from_waker(Waker::noop());
            assert!(fill.as_mut().poll(&mut cx).is_ready());
        });
        let counted = store.snapshot().bytes();
        let taken = usize::try_from(info.bytes_current).unwrap();
        println!("{keys} keys: {taken} bytes, counted as {counted}");
        assert!(taken <= counted, "{taken} bytes, counted as {counted}");
    }
}
