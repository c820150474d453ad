//! Stores that hold no more than so many keys.

use std::time::Duration;

use crate::idempotency::{Claim, Claimed, Fenced, Store};

use super::Report;
use super::subject::{RETENTION, Subject, Verdict, acquired, misuse, result, rival, step};

/// Runs the cases for a store that is empty, and has room for `keys` keys and not for one more.
///
/// # Errors
/// When a case failed.
pub async fn check_room<S: Store>(store: S, keys: usize, unit: Duration) -> Result<(), Report> {
    let subject = Subject::new(store, unit);
    let mut report = Report::empty();
    let verdict = a_claimed_key_is_never_forgotten_for_want_of_room(&subject, keys).await;
    report.note("a_claimed_key_is_never_forgotten_for_want_of_room", verdict);
    subject.pass(RETENTION + 1).await;
    let verdict = a_key_that_is_done_is_not_run_again_for_want_of_room(&subject, keys).await;
    report.note(
        "a_key_that_is_done_is_not_run_again_for_want_of_room",
        verdict,
    );
    report.judged()
}

/// Fault 34: full of keys that are claimed.
async fn a_claimed_key_is_never_forgotten_for_want_of_room<S: Store>(
    subject: &Subject<S>,
    keys: usize,
) -> Verdict {
    let claims = fill(subject, keys).await?;
    for _ in 0..3 {
        subject.claims(&subject.first(), Claimed::Full).await?;
    }
    let missing = subject.first();
    subject.finishes(&missing, result(), Fenced::Gone).await?;
    for claim in &claims {
        subject.is_in_flight(&rival(claim)).await?;
        subject.claims(claim, acquired(1)).await?;
    }
    // What is released is room for another, and no more than that.
    let Some((first, others)) = claims.split_first() else {
        return Ok(());
    };
    subject.releases(first, Fenced::Applied).await?;
    let next = subject.first();
    subject.claims(&next, acquired(1)).await?;
    subject.claims(&subject.first(), Claimed::Full).await?;
    for claim in others.iter().chain([&next]) {
        subject.finishes(claim, result(), Fenced::Applied).await?;
    }
    Ok(())
}

/// Fault 34: full of keys that are done.
async fn a_key_that_is_done_is_not_run_again_for_want_of_room<S: Store>(
    subject: &Subject<S>,
    keys: usize,
) -> Verdict {
    let claims = fill(subject, keys).await?;
    for claim in &claims {
        subject.finishes(claim, result(), Fenced::Applied).await?;
    }
    subject.claims(&subject.first(), Claimed::Full).await?;
    for claim in &claims {
        subject.claims(&misuse(claim), Claimed::Mismatch).await?;
        let answer = subject.claim(&rival(claim)).await?;
        if !matches!(answer, Claimed::Done(_)) {
            return Err(step("claim", "Done", format!("{answer:?}")));
        }
    }
    subject.pass(RETENTION + 1).await;
    fill(subject, keys).await?;
    Ok(())
}

async fn fill<S: Store>(subject: &Subject<S>, keys: usize) -> Verdict<Vec<Claim>> {
    let mut claims = Vec::new();
    for _ in 0..keys {
        claims.push(subject.pending().await?);
    }
    Ok(claims)
}
