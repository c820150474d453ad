//! Claims, and that they are one key's.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;

use crate::idempotency::{Claim, Claimed, Fenced, Store, StoreKey, Stored, Tombstone};

use super::case::cases;
use super::subject::{
    LEASE, Subject, Verdict, acquired, misuse, random, record, result, rival, taking_over,
};

cases![
    a_new_key_is_acquired_at_attempt_one_and_in_flight_to_others,
    a_claim_whose_answer_was_lost_is_acquired_again_at_the_same_attempt,
    a_claim_that_was_dropped_can_be_asked_again,
    another_fingerprint_is_a_mismatch_while_the_key_is_claimed,
    another_fingerprint_is_a_mismatch_when_the_lease_has_lapsed,
    another_fingerprint_is_a_mismatch_when_the_key_is_done,
    keys_that_differ_in_one_bit_are_two,
    what_is_kept_is_what_was_given,
];

async fn a_new_key_is_acquired_at_attempt_one_and_in_flight_to_others<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.pending().await?;
    subject.is_in_flight(&rival(&claim)).await?;
    // A lease that runs is not taken over.
    subject.is_in_flight(&taking_over(&claim)).await
}

/// Fault 16: the answer to a claim is lost.
async fn a_claim_whose_answer_was_lost_is_acquired_again_at_the_same_attempt<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.pending().await?;
    subject.claims(&claim, acquired(1)).await?;
    // Each time the lease begins anew.
    subject.pass(LEASE - 1).await;
    subject.claims(&claim, acquired(1)).await?;
    subject.pass(LEASE - 1).await;
    subject.is_in_flight(&rival(&claim)).await?;
    // After it has lapsed too, if nobody took the key over.
    subject.pass(LEASE).await;
    subject.claims(&claim, acquired(1)).await?;
    subject.is_in_flight(&rival(&claim)).await?;

    let claim = subject.lapsed().await?;
    let second = taking_over(&claim);
    subject.claims(&second, acquired(2)).await?;
    subject.claims(&second, acquired(2)).await
}

async fn a_claim_that_was_dropped_can_be_asked_again<S: Store>(subject: &Subject<S>) -> Verdict {
    for polls in 0..3 {
        let claim = subject.first();
        {
            let mut asked = pin!(subject.store().claim(&claim));
            for _ in 0..polls {
                let is_over = poll_fn(|cx| Poll::Ready(asked.as_mut().poll(cx).is_ready())).await;
                if is_over {
                    break;
                }
            }
        }
        subject.claims(&claim, acquired(1)).await?;
        subject.claims(&claim, acquired(1)).await?;
        subject.finishes(&claim, result(), Fenced::Applied).await?;
    }
    Ok(())
}

/// Fault 5: a key comes again with another request.
async fn another_fingerprint_is_a_mismatch_while_the_key_is_claimed<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.pending().await?;
    mismatches(subject, &claim).await?;
    subject.finishes(&claim, result(), Fenced::Applied).await
}

/// Faults 5 and 9.
async fn another_fingerprint_is_a_mismatch_when_the_lease_has_lapsed<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.lapsed().await?;
    mismatches(subject, &claim).await?;
    let second = taking_over(&claim);
    subject.claims(&second, acquired(2)).await?;
    mismatches(subject, &claim).await
}

/// Fault 5.
async fn another_fingerprint_is_a_mismatch_when_the_key_is_done<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.done().await?;
    mismatches(subject, &claim).await?;
    subject
        .claims(&rival(&claim), Claimed::Done(result()))
        .await?;

    let claim = subject.pending().await?;
    let tombstone = Stored::Tombstone(Tombstone::Streaming);
    subject.finishes(&claim, tombstone, Fenced::Applied).await?;
    mismatches(subject, &claim).await?;

    // A key that was forgotten and finished all the same keeps that one's fingerprint.
    let claim = subject.first();
    subject.finishes(&claim, result(), Fenced::Applied).await?;
    mismatches(subject, &claim).await
}

async fn mismatches<S: Store>(subject: &Subject<S>, claim: &Claim) -> Verdict {
    let other = misuse(claim);
    subject.claims(&other, Claimed::Mismatch).await?;
    let fingerprint = other.fingerprint;
    let taking_over = Claim {
        fingerprint,
        ..taking_over(claim)
    };
    subject.claims(&taking_over, Claimed::Mismatch).await?;
    // By the owner of the key as well.
    let mine = Claim {
        fingerprint,
        ..*claim
    };
    subject.claims(&mine, Claimed::Mismatch).await
}

async fn keys_that_differ_in_one_bit_are_two<S: Store>(subject: &Subject<S>) -> Verdict {
    let bytes = random();
    let claim = Claim {
        key: StoreKey::from_bytes(bytes),
        ..subject.first()
    };
    subject.claims(&claim, acquired(1)).await?;
    for at in [0, 7, 8, 15, 16, 23, 24, 31] {
        for bit in [1, 0x80] {
            let mut bytes = bytes;
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bit;
            }
            let near = Claim {
                key: StoreKey::from_bytes(bytes),
                ..misuse(&claim)
            };
            subject.claims(&near, acquired(1)).await?;
            subject
                .finishes(&near, record("near"), Fenced::Applied)
                .await?;
        }
    }
    subject.is_in_flight(&rival(&claim)).await
}

async fn what_is_kept_is_what_was_given<S: Store>(subject: &Subject<S>) -> Verdict {
    let all: Vec<u8> = (0..=u8::MAX).collect();
    let reasons = [
        Tombstone::TooLarge,
        Tombstone::Streaming,
        Tombstone::Demoted,
        Tombstone::Unrecordable,
        Tombstone::ByHandler,
    ];
    let records = [Vec::new(), vec![0], all.clone(), all.repeat(256)].map(Bytes::from);
    let records = records.map(Stored::Record).into_iter();
    for stored in records.chain(reasons.map(Stored::Tombstone)) {
        let claim = subject.pending().await?;
        subject
            .finishes(&claim, stored.clone(), Fenced::Applied)
            .await?;
        for claim in [rival(&claim), taking_over(&claim), claim] {
            subject
                .claims(&claim, Claimed::Done(stored.clone()))
                .await?;
        }
    }
    Ok(())
}
