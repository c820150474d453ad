//! Leases that ended before their executions did.

use crate::idempotency::{Claim, Claimed, Fenced, Store};

use super::case::cases;
use super::subject::{
    LEASE, Subject, Verdict, acquired, misuse, record, result, rival, step, taking_over,
};

cases![
    a_lapsed_claim_is_of_unknown_outcome_or_taken_over_as_each_claimer_asks,
    attempts_rise_with_each_takeover,
    who_was_taken_over_changes_nothing_any_more,
    a_late_finish_counts_when_nobody_took_over,
    a_late_release_frees_the_key_when_nobody_took_over,
    a_late_renewal_counts_when_nobody_took_over,
    a_release_after_a_takeover_leaves_what_an_earlier_execution_may_have_done,
];

const UNKNOWN: Claimed = Claimed::OutcomeUnknown { attempt: 1 };

/// Fault 9: the process dies after its claim.
async fn a_lapsed_claim_is_of_unknown_outcome_or_taken_over_as_each_claimer_asks<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.lapsed().await?;
    subject.claims(&rival(&claim), UNKNOWN).await?;
    subject.claims(&rival(&claim), UNKNOWN).await?;
    let second = taking_over(&claim);
    subject.claims(&second, acquired(2)).await?;
    subject.is_in_flight(&rival(&claim)).await?;

    // And what the first wanted of those before it does not matter.
    let claim = taking_over(&subject.first());
    subject.claims(&claim, acquired(1)).await?;
    subject.pass(LEASE + 1).await;
    subject.claims(&rival(&claim), UNKNOWN).await
}

async fn attempts_rise_with_each_takeover<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = subject.lapsed().await?;
    for attempt in 2..5 {
        let next = taking_over(&claim);
        subject.claims(&next, acquired(attempt)).await?;
        subject.claims(&next, acquired(attempt)).await?;
        subject.pass(LEASE + 1).await;
        let unknown = Claimed::OutcomeUnknown { attempt };
        subject.claims(&rival(&claim), unknown).await?;
    }
    Ok(())
}

/// Faults 11 and 13: the lease lapses while its owner runs, and another takes over.
async fn who_was_taken_over_changes_nothing_any_more<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = subject.lapsed().await?;
    let second = taking_over(&claim);
    subject.claims(&second, acquired(2)).await?;
    subject.renews(&claim, Fenced::Superseded).await?;
    subject.releases(&claim, Fenced::Superseded).await?;
    subject
        .finishes(&claim, record("late"), Fenced::Superseded)
        .await?;
    subject.is_in_flight(&rival(&claim)).await?;
    subject.finishes(&second, result(), Fenced::Applied).await?;
    subject
        .finishes(&claim, record("late"), Fenced::Superseded)
        .await?;
    subject.releases(&claim, Fenced::Superseded).await?;
    subject.renews(&claim, Fenced::Superseded).await?;
    subject.claims(&claim, Claimed::Done(result())).await?;

    // Nor when the other's lease has lapsed in turn: it may be running yet.
    let claim = subject.lapsed().await?;
    subject.claims(&taking_over(&claim), acquired(2)).await?;
    subject.pass(LEASE + 1).await;
    subject
        .finishes(&claim, record("late"), Fenced::Superseded)
        .await?;
    subject.releases(&claim, Fenced::Superseded).await?;
    let unknown = Claimed::OutcomeUnknown { attempt: 2 };
    subject.claims(&rival(&claim), unknown).await
}

/// Fault 12: the lease lapses, nobody takes over, and the owner finishes.
async fn a_late_finish_counts_when_nobody_took_over<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = subject.lapsed().await?;
    subject.finishes(&claim, result(), Fenced::Applied).await?;
    subject
        .claims(&rival(&claim), Claimed::Done(result()))
        .await?;

    // Though somebody was told that the outcome is unknown.
    let claim = subject.lapsed().await?;
    subject.claims(&rival(&claim), UNKNOWN).await?;
    subject.finishes(&claim, result(), Fenced::Applied).await?;
    subject
        .claims(&taking_over(&claim), Claimed::Done(result()))
        .await
}

async fn a_late_release_frees_the_key_when_nobody_took_over<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.lapsed().await?;
    subject.claims(&rival(&claim), UNKNOWN).await?;
    subject.releases(&claim, Fenced::Applied).await?;
    subject.claims(&misuse(&claim), acquired(1)).await
}

async fn a_late_renewal_counts_when_nobody_took_over<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = subject.lapsed().await?;
    subject.claims(&rival(&claim), UNKNOWN).await?;
    subject.renews(&claim, Fenced::Applied).await?;
    subject.is_in_flight(&taking_over(&claim)).await?;
    subject.finishes(&claim, result(), Fenced::Applied).await
}

async fn a_release_after_a_takeover_leaves_what_an_earlier_execution_may_have_done<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = given_back(subject).await?;
    subject.claims(&misuse(&claim), Claimed::Mismatch).await?;
    let answer = subject.claim(&rival(&claim)).await?;
    let Claimed::OutcomeUnknown { .. } = answer else {
        return Err(step("claim", "OutcomeUnknown", format!("{answer:?}")));
    };
    // The first finds that it lost the key, and nobody has it.
    subject.renews(&claim, Fenced::Gone).await?;
    subject.claims(&taking_over(&claim), acquired(3)).await?;

    let claim = given_back(subject).await?;
    subject
        .finishes(&claim, record("first"), Fenced::Applied)
        .await?;
    let done = Claimed::Done(record("first"));
    subject.claims(&taking_over(&claim), done).await
}

/// The claim of a first execution, whose key was taken over and released.
async fn given_back<S: Store>(subject: &Subject<S>) -> Verdict<Claim> {
    let claim = subject.lapsed().await?;
    let second = taking_over(&claim);
    subject.claims(&second, acquired(2)).await?;
    subject.releases(&second, Fenced::Applied).await?;
    Ok(claim)
}
