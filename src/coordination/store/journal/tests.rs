use super::*;

fn term(number: u64, owner: Option<(u32, u128)>) -> TokenRecord {
    TokenRecord {
        token: FencingToken::from_number(number).unwrap(),
        owner: owner.map(|(node, incarnation)| Owner {
            node: NodeId(node),
            incarnation: Incarnation(incarnation),
        }),
    }
}

fn write(image: &mut [u8], index: usize, record: TokenRecord) {
    for at in places(index).unwrap() {
        image[at..at + SLOT].copy_from_slice(&slot(index, record));
    }
}

/// A store after `terms` records, and the last of them.
fn filled(terms: usize) -> (Vec<u8>, TokenRecord) {
    let mut bytes = image("ledger", None).unwrap();
    let mut last = term(1, None);
    for index in 1..=terms {
        last = term(index as u64 * 3, Some((7, u128::MAX - index as u128)));
        write(&mut bytes, index, last);
    }
    (bytes, last)
}

#[test]
fn what_was_written_is_read() {
    for record in [
        None,
        Some(term(1, None)),
        Some(term(u64::MAX, Some((u32::MAX, u128::MAX)))),
    ] {
        let next = 1 + usize::from(record.is_some());
        let bytes = image("ledger", record).unwrap();
        assert_eq!(
            read("ledger", &bytes).unwrap(),
            Journal { last: record, next }
        );
    }
    let (bytes, last) = filled(63);
    let full = Journal {
        last: Some(last),
        next: 64,
    };
    assert_eq!(read("ledger", &bytes).unwrap(), full);
    assert_eq!(
        (places(63).is_some(), places(64), places(usize::MAX)),
        (true, None, None)
    );
}

#[test]
fn a_name_has_1_to_32_bytes_and_is_compared_whole() {
    for (length, fits) in [(0, false), (1, true), (32, true), (33, false), (300, false)] {
        assert_eq!(image(&"n".repeat(length), None).is_ok(), fits, "{length}");
    }
    let bytes = image("ledger", None).unwrap();
    for other in ["ledge", "ledgers", "", "Ledger"] {
        assert!(
            matches!(read(other, &bytes), Err(StoreError::Foreign)),
            "{other}"
        );
    }
}

#[test]
fn a_store_cut_anywhere_is_an_error_j1() {
    let (bytes, _) = filled(3);
    for length in 0..LENGTH {
        let error = read("ledger", &bytes[..length]).unwrap_err();
        assert!(
            matches!(error, StoreError::Corrupt(_) | StoreError::Foreign),
            "{length}"
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(
        read("ledger", &longer),
        Err(StoreError::Corrupt(_))
    ));
}

#[test]
fn a_byte_flipped_anywhere_changes_nothing_or_is_an_error_j2() {
    for (terms, step) in [(0, 1), (1, 1), (3, 1), (63, 31)] {
        let (bytes, last) = filled(terms);
        let last = (terms > 0).then_some(last);
        for at in (0..LENGTH).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[at] ^= if at % 2 == 0 { 0xFF } else { 1 << (at / 2 % 8) };
            match read("ledger", &damaged) {
                Ok(journal) => assert_eq!(journal.last, last, "byte {at}"),
                Err(StoreError::Corrupt(_)) => {}
                Err(other) => panic!("byte {at}: {other:?}"),
            }
        }
    }
}

#[test]
fn either_block_may_be_lost_j2() {
    let (bytes, last) = filled(3);
    for lost in [0..HALF, HALF..LENGTH] {
        for with in [0x00, 0xA5] {
            let mut damaged = bytes.clone();
            damaged[lost.clone()].fill(with);
            // Past the end, rubbish is not blank, and is told.
            match read("ledger", &damaged) {
                Ok(journal) => assert_eq!(journal.last, Some(last)),
                Err(error) => assert!(with != 0 && matches!(error, StoreError::Corrupt(_))),
            }
        }
    }
}

#[test]
fn a_write_torn_anywhere_leaves_the_record_before_or_the_new_one_j3() {
    let (bytes, last) = filled(2);
    let next = term(99, Some((1, 1)));
    let mut written = bytes.clone();
    write(&mut written, 3, next);
    let [first, second] = places(3).unwrap();
    for a in 0..=SLOT {
        for b in 0..=SLOT {
            let mut torn = bytes.clone();
            torn[first..first + a].copy_from_slice(&written[first..first + a]);
            torn[second..second + b].copy_from_slice(&written[second..second + b]);
            let read = read("ledger", &torn).unwrap().last;
            // The last bytes of a record are zero: a tear in them is none.
            assert!(
                read == Some(next) || (read == Some(last) && a < 33 && b < 33),
                "{a}, {b}"
            );
        }
    }
}

#[test]
fn damage_that_no_crash_explains_is_an_error_j3_j4() {
    let spoil = |spoiled: &[usize], with: u8| {
        let (mut bytes, _) = filled(3);
        for &index in spoiled {
            for at in places(index).unwrap() {
                bytes[at..at + SLOT].fill(with);
            }
        }
        read("ledger", &bytes)
    };
    assert!(spoil(&[4], 9).is_ok(), "a torn tail");
    for (spoiled, with) in [
        (&[2][..], 9),
        (&[2], 0),
        (&[5], 9),
        (&[4, 5], 9),
        (&[1, 2], 0),
    ] {
        let error = spoil(spoiled, with).unwrap_err();
        assert!(
            matches!(error, StoreError::Corrupt(_)),
            "{spoiled:?} {with}"
        );
    }
    let (mut bytes, last) = filled(3);
    write(&mut bytes, 4, last);
    assert!(
        matches!(read("ledger", &bytes), Err(StoreError::Corrupt(_))),
        "it does not grow"
    );
    let (mut bytes, _) = filled(3);
    let [first, _] = places(3).unwrap();
    bytes[first..first + SLOT].copy_from_slice(&slot(3, term(1000, None)));
    assert!(
        matches!(read("ledger", &bytes), Err(StoreError::Corrupt(_))),
        "the halves differ"
    );
    let (mut bytes, _) = filled(3);
    let moved = slot(3, term(1000, None));
    for at in places(4).unwrap() {
        bytes[at..at + SLOT].copy_from_slice(&moved);
    }
    assert_eq!(
        read("ledger", &bytes).unwrap().next,
        4,
        "a record of another slot is none"
    );
}

#[test]
fn a_file_of_someone_else_is_foreign_and_an_empty_one_is_damaged() {
    for bytes in [&b"{}"[..], &[7; LENGTH], &[0; LENGTH], &[7; LENGTH + 1]] {
        assert!(matches!(read("ledger", bytes), Err(StoreError::Foreign)));
    }
    assert!(matches!(read("ledger", &[]), Err(StoreError::Corrupt(_))));
}
