use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::coordination::{FencingToken, Incarnation, NodeId, Owner};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mainstay-store-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn store(&self) -> PathBuf {
        self.0.join("tokens")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn term(number: u64) -> TokenRecord {
    TokenRecord {
        token: FencingToken::from_number(number).unwrap(),
        owner: Some(Owner {
            node: NodeId(2),
            incarnation: Incarnation(number.into()),
        }),
    }
}

fn open(folder: &Folder) -> Result<FileTokenStore, StoreError> {
    FileTokenStore::open(folder.store(), "ledger")
}

fn create(folder: &Folder) -> Result<FileTokenStore, StoreError> {
    FileTokenStore::create(folder.store(), "ledger")
}

#[test]
fn what_was_recorded_is_there_at_the_next_start_however_many_terms_there_were() {
    let folder = Folder::new();
    assert_eq!(create(&folder).unwrap().load(), None);
    let mut number = 0;
    for terms in [0, 1, 62, 63, 0] {
        let store = open(&folder).unwrap();
        for _ in 0..terms {
            number += 1;
            store.record(term(number)).unwrap();
            assert_eq!(store.load(), Some(term(number)));
            assert_eq!(
                fs::metadata(folder.store()).unwrap().len(),
                8192,
                "it does not grow"
            );
        }
        drop(store);
        let expected = (number > 0).then(|| term(number));
        assert_eq!(open(&folder).unwrap().load(), expected, "{terms}");
    }
}

#[test]
fn a_file_copied_at_any_moment_holds_what_had_been_recorded() {
    let (folder, copied) = (Folder::new(), Folder::new());
    let store = create(&folder).unwrap();
    for number in 1..=66 {
        store.record(term(number)).unwrap();
        let bytes = fs::read(folder.store()).unwrap();
        assert!(bytes[..4096] == bytes[4096..], "each record stands twice");
        if number < 60 && number % 30 != 0 {
            continue;
        }
        fs::copy(folder.store(), copied.store()).unwrap();
        assert_eq!(open(&copied).unwrap().load(), Some(term(number)));
    }
}

#[test]
fn a_token_never_goes_back_and_never_changes_hands() {
    let folder = Folder::new();
    let store = create(&folder).unwrap();
    store.record(term(7)).unwrap();
    store.record(term(7)).unwrap();
    for late in [
        term(6),
        TokenRecord {
            owner: None,
            ..term(7)
        },
    ] {
        assert!(
            matches!(store.record(late), Err(StoreError::Behind { high }) if high == term(7).token)
        );
    }
    drop(store);
    let store = open(&folder).unwrap();
    assert!(matches!(
        store.record(term(6)),
        Err(StoreError::Behind { .. })
    ));
    store.record(term(u64::MAX)).unwrap();
    assert_eq!(store.load(), Some(term(u64::MAX)));
}

#[test]
fn a_lost_store_is_not_made_anew_and_one_that_is_there_is_not_made_again() {
    let folder = Folder::new();
    assert!(matches!(open(&folder), Err(StoreError::Missing)));
    create(&folder).unwrap().record(term(3)).unwrap();
    assert!(matches!(create(&folder), Err(StoreError::Exists)));
    assert_eq!(open(&folder).unwrap().load(), Some(term(3)));
    fs::remove_file(folder.store()).unwrap();
    assert!(matches!(open(&folder), Err(StoreError::Missing)));
    assert!(matches!(
        FileTokenStore::create(folder.store(), ""),
        Err(StoreError::Name)
    ));
    assert!(!folder.store().exists());
    let nowhere = folder.0.join("none/tokens");
    assert!(matches!(
        FileTokenStore::create(nowhere, "ledger"),
        Err(StoreError::Io(_))
    ));
}

#[test]
fn one_store_at_a_time_is_open() {
    let folder = Folder::new();
    let store = create(&folder).unwrap();
    assert!(matches!(open(&folder), Err(StoreError::Locked)));
    assert!(matches!(create(&folder), Err(StoreError::Locked)));
    // A full file is replaced, and the lock stays.
    for number in 1..=64 {
        store.record(term(number)).unwrap();
    }
    assert!(matches!(open(&folder), Err(StoreError::Locked)));
    drop(store);
    assert!(open(&folder).is_ok());
}

#[test]
fn a_store_of_another_name_a_damaged_one_and_another_file_are_told_apart_and_left_alone() {
    let folder = Folder::new();
    create(&folder).unwrap().record(term(3)).unwrap();
    let other = FileTokenStore::open(folder.store(), "stock");
    assert!(matches!(other, Err(StoreError::Foreign)));
    let whole = fs::read(folder.store()).unwrap();
    let is_refused = |bytes: &[u8], why: fn(&StoreError) -> bool| {
        fs::write(folder.store(), bytes).unwrap();
        assert!(open(&folder).is_err_and(|error| why(&error)));
        assert_eq!(fs::read(folder.store()).unwrap(), bytes);
    };
    is_refused(&whole[..8191], |error| {
        matches!(error, StoreError::Corrupt(_))
    });
    is_refused(&vec![1; 1 << 20], |error| {
        matches!(error, StoreError::Foreign)
    });
    is_refused(b"", |error| matches!(error, StoreError::Corrupt(_)));
    fs::write(folder.store(), whole).unwrap();
    assert_eq!(open(&folder).unwrap().load(), Some(term(3)));
}

#[test]
fn what_a_crash_left_behind_is_in_nobody_s_way() {
    let folder = Folder::new();
    fs::write(beside(&folder.store(), ".new"), b"half a fil").unwrap();
    fs::write(beside(&folder.store(), ".lock"), b"").unwrap();
    create(&folder).unwrap().record(term(3)).unwrap();
    // A torn record in the slot after it, as a crash leaves it.
    let mut bytes = fs::read(folder.store()).unwrap();
    bytes[128..140].copy_from_slice(&journal::slot(2, term(9))[..12]);
    fs::write(folder.store(), bytes).unwrap();
    let store = open(&folder).unwrap();
    assert_eq!(store.load(), Some(term(3)));
    store.record(term(4)).unwrap();
    drop(store);
    assert_eq!(open(&folder).unwrap().load(), Some(term(4)));
}

#[test]
fn after_a_failure_nothing_is_recorded_until_the_store_is_opened_again() {
    let folder = Folder::new();
    let store = create(&folder).unwrap();
    for number in 1..=63 {
        store.record(term(number)).unwrap();
    }
    // The file is full, and the folder for the next one is gone.
    let elsewhere = folder.0.with_extension("moved");
    fs::rename(&folder.0, &elsewhere).unwrap();
    assert!(matches!(store.record(term(64)), Err(StoreError::Io(_))));
    fs::rename(&elsewhere, &folder.0).unwrap();
    assert!(matches!(store.record(term(65)), Err(StoreError::Failed)));
    assert!(store.record(term(63)).is_ok(), "what is kept is kept");
    assert_eq!(store.load(), Some(term(63)));
    drop(store);
    let store = open(&folder).unwrap();
    assert_eq!(store.load(), Some(term(63)));
    store.record(term(65)).unwrap();
}

#[test]
fn records_from_many_threads_end_with_the_highest() {
    let folder = Folder::new();
    let store = Arc::new(create(&folder).unwrap());
    let writers = (0..4u64).map(|writer| {
        let store = Arc::clone(&store);
        std::thread::spawn(move || {
            for number in 1..=20 {
                let result = store.record(term(number * 4 - writer));
                assert!(matches!(result, Ok(()) | Err(StoreError::Behind { .. })));
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.join().unwrap();
    }
    drop(store);
    assert_eq!(open(&folder).unwrap().load(), Some(term(80)));
}
