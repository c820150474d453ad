//! Finishes, releases and purges.

use crate::idempotency::{Claimed, Fenced, Store};

use super::case::cases;
use super::subject::{
    RETENTION, Subject, Verdict, acquired, is, misuse, record, result, rival, step, taking_over,
};

cases![
    what_is_done_is_told_to_all_who_claim,
    a_finish_whose_answer_was_lost_is_applied_once,
    a_finish_of_a_key_that_is_not_known_is_kept,
    who_does_not_own_a_key_changes_nothing,
    a_key_that_is_not_known_is_gone,
    a_release_frees_the_key_at_once,
    what_is_done_is_not_taken_back,
    a_purge_forgets_a_key_in_any_state,
];

async fn what_is_done_is_told_to_all_who_claim<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = subject.done().await?;
    for claim in [rival(&claim), taking_over(&claim), claim] {
        subject.claims(&claim, Claimed::Done(result())).await?;
    }
    Ok(())
}

/// Fault 17: the answer to a finish is lost.
async fn a_finish_whose_answer_was_lost_is_applied_once<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = subject.done().await?;
    subject.finishes(&claim, result(), Fenced::Applied).await?;
    // There is one record, and it is the first.
    subject
        .finishes(&claim, record("second"), Fenced::Applied)
        .await?;
    subject
        .claims(&rival(&claim), Claimed::Done(result()))
        .await
}

/// Fault 20: the store lost the key while it ran.
async fn a_finish_of_a_key_that_is_not_known_is_kept<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = subject.first();
    subject.finishes(&claim, result(), Fenced::Applied).await?;
    subject
        .claims(&rival(&claim), Claimed::Done(result()))
        .await?;
    subject.claims(&misuse(&claim), Claimed::Mismatch).await?;
    subject
        .finishes(&claim, record("again"), Fenced::Applied)
        .await?;
    subject
        .finishes(&rival(&claim), record("other"), Fenced::Superseded)
        .await?;
    subject
        .claims(&rival(&claim), Claimed::Done(result()))
        .await?;

    let claim = subject.pending().await?;
    subject.purges(&claim, true).await?;
    subject.finishes(&claim, result(), Fenced::Applied).await?;
    subject
        .claims(&taking_over(&claim), Claimed::Done(result()))
        .await?;

    let claim = subject.pending().await?;
    subject.pass(RETENTION + 1).await;
    subject.finishes(&claim, result(), Fenced::Applied).await?;
    subject
        .claims(&rival(&claim), Claimed::Done(result()))
        .await
}

async fn who_does_not_own_a_key_changes_nothing<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = subject.pending().await?;
    for other in [rival(&claim), misuse(&claim)] {
        subject
            .finishes(&other, record("other"), Fenced::Superseded)
            .await?;
        subject.releases(&other, Fenced::Superseded).await?;
        subject.renews(&other, Fenced::Superseded).await?;
    }
    subject.is_in_flight(&rival(&claim)).await?;
    subject.finishes(&claim, result(), Fenced::Applied).await?;
    for other in [rival(&claim), misuse(&claim)] {
        subject
            .finishes(&other, record("other"), Fenced::Superseded)
            .await?;
        subject.releases(&other, Fenced::Superseded).await?;
        subject.renews(&other, Fenced::Superseded).await?;
    }
    subject
        .claims(&rival(&claim), Claimed::Done(result()))
        .await
}

async fn a_key_that_is_not_known_is_gone<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = subject.first();
    subject.renews(&claim, Fenced::Gone).await?;
    subject.releases(&claim, Fenced::Gone).await?;
    subject.purges(&claim, false).await?;
    // Nor has asking made it known.
    subject.claims(&misuse(&claim), acquired(1)).await?;

    let claim = subject.pending().await?;
    subject.pass(RETENTION + 1).await;
    subject.renews(&claim, Fenced::Gone).await?;
    subject.releases(&claim, Fenced::Gone).await
}

async fn a_release_frees_the_key_at_once<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = subject.pending().await?;
    subject.releases(&claim, Fenced::Applied).await?;
    let again = subject.release(&claim).await?;
    if again == Fenced::Superseded {
        let expected = "Applied or Gone";
        return Err(step("release again", expected, format!("{again:?}")));
    }
    // For another request too: nothing was run.
    let next = misuse(&claim);
    subject.claims(&next, acquired(1)).await?;
    subject.releases(&claim, Fenced::Superseded).await?;
    subject.is_in_flight(&rival(&next)).await
}

async fn what_is_done_is_not_taken_back<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = subject.done().await?;
    subject.releases(&claim, Fenced::Superseded).await?;
    subject
        .claims(&rival(&claim), Claimed::Done(result()))
        .await?;
    // A renewal that comes after the finish has lost nothing, and changes nothing.
    subject.renews(&claim, Fenced::Applied).await?;
    subject.claims(&claim, Claimed::Done(result())).await?;
    subject
        .claims(&rival(&claim), Claimed::Done(result()))
        .await
}

/// Fault 42: an operator found out how an execution ended.
async fn a_purge_forgets_a_key_in_any_state<S: Store>(subject: &Subject<S>) -> Verdict {
    let lapsed = subject.lapsed().await?;
    let unknown = subject.claim(&rival(&lapsed)).await?;
    is("claim", &Claimed::OutcomeUnknown { attempt: 1 }, &unknown)?;
    let pending = subject.pending().await?;
    let done = subject.done().await?;
    for claim in [lapsed, pending, done] {
        subject.purges(&claim, true).await?;
        subject.purges(&claim, false).await?;
        subject.claims(&misuse(&claim), acquired(1)).await?;
    }
    Ok(())
}
