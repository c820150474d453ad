//! Leases, retentions, and waiting.

use std::time::Duration;

use crate::idempotency::{Claim, Claimed, Fenced, Store};

use super::case::cases;
use super::subject::{
    LEASE, RETENTION, Subject, Verdict, acquired, misuse, result, rival, step, taking_over,
};

cases![
    a_lease_runs_from_the_claim_and_from_each_renewal,
    what_is_done_is_forgotten_when_its_retention_ends_and_not_before,
    a_finish_begins_the_retention_that_it_says,
    a_lapsed_claim_is_forgotten_when_its_retention_ends_and_not_before,
    an_execution_that_renews_outlives_its_retention,
    claims_that_are_refused_do_not_keep_a_key_alive,
    a_key_is_known_while_its_lease_runs,
    durations_without_end_and_of_nothing_are_taken,
    a_wait_for_a_change_ends_in_time,
];

async fn a_lease_runs_from_the_claim_and_from_each_renewal<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.pending().await?;
    subject.pass(LEASE - 2).await;
    subject.is_in_flight(&taking_over(&claim)).await?;
    for _ in 0..3 {
        subject.renews(&claim, Fenced::Applied).await?;
        subject.pass(LEASE - 2).await;
    }
    subject.is_in_flight(&taking_over(&claim)).await?;
    subject.pass(3).await;
    let unknown = Claimed::OutcomeUnknown { attempt: 1 };
    subject.claims(&rival(&claim), unknown).await
}

/// Fault 33: before the end of its retention it is replayed, and after it it is run.
async fn what_is_done_is_forgotten_when_its_retention_ends_and_not_before<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.done().await?;
    subject.pass(RETENTION - 2).await;
    subject
        .claims(&taking_over(&claim), Claimed::Done(result()))
        .await?;
    subject.pass(3).await;
    subject.claims(&misuse(&claim), acquired(1)).await
}

async fn a_finish_begins_the_retention_that_it_says<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = subject.pending().await?;
    subject.pass(LEASE).await;
    subject.finishes(&claim, result(), Fenced::Applied).await?;
    subject.pass(RETENTION - 2).await;
    subject
        .claims(&rival(&claim), Claimed::Done(result()))
        .await?;
    subject.pass(3).await;
    subject.claims(&rival(&claim), acquired(1)).await?;

    // A shorter one than that of the claim.
    let claim = subject.pending().await?;
    let brief = Claim {
        retention: subject.units(2),
        ..claim
    };
    subject.finishes(&brief, result(), Fenced::Applied).await?;
    subject.pass(3).await;
    subject.claims(&rival(&claim), acquired(1)).await
}

async fn a_lapsed_claim_is_forgotten_when_its_retention_ends_and_not_before<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.pending().await?;
    subject.pass(RETENTION - 2).await;
    subject.claims(&misuse(&claim), Claimed::Mismatch).await?;
    let unknown = Claimed::OutcomeUnknown { attempt: 1 };
    subject.claims(&rival(&claim), unknown).await?;
    subject.pass(3).await;
    subject.claims(&misuse(&claim), acquired(1)).await
}

/// Fault 33: what is in flight for longer than its retention is not lost.
async fn an_execution_that_renews_outlives_its_retention<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.pending().await?;
    for _ in 0..RETENTION {
        subject.pass(LEASE - 2).await;
        subject.renews(&claim, Fenced::Applied).await?;
    }
    subject.is_in_flight(&taking_over(&claim)).await?;
    // Its last renewal is remembered for a whole retention.
    subject.pass(RETENTION - 2).await;
    let unknown = Claimed::OutcomeUnknown { attempt: 1 };
    subject.claims(&rival(&claim), unknown).await
}

async fn claims_that_are_refused_do_not_keep_a_key_alive<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let (pending, done) = (subject.pending().await?, subject.done().await?);
    for _ in 0..RETENTION / LEASE {
        for claim in [&pending, &done] {
            subject.claim(&rival(claim)).await?;
            subject.claim(&misuse(claim)).await?;
        }
        subject.pass(LEASE).await;
    }
    subject.pass(1).await;
    subject.claims(&rival(&pending), acquired(1)).await?;
    subject.claims(&rival(&done), acquired(1)).await
}

async fn a_key_is_known_while_its_lease_runs<S: Store>(subject: &Subject<S>) -> Verdict {
    let claim = Claim {
        retention: subject.units(1),
        ..subject.first()
    };
    subject.claims(&claim, acquired(1)).await?;
    subject.pass(2).await;
    subject.is_in_flight(&taking_over(&claim)).await?;
    subject.renews(&claim, Fenced::Applied).await?;
    subject.pass(2).await;
    subject.is_in_flight(&rival(&claim)).await
}

async fn durations_without_end_and_of_nothing_are_taken<S: Store>(subject: &Subject<S>) -> Verdict {
    let endless = Claim {
        lease: Duration::MAX,
        retention: Duration::MAX,
        ..subject.first()
    };
    subject.claims(&endless, acquired(1)).await?;
    subject.renews(&endless, Fenced::Applied).await?;
    subject.pass(1).await;
    let answer = subject.claim(&taking_over(&endless)).await?;
    if !matches!(answer, Claimed::InFlight { .. }) {
        return Err(step("claim", "InFlight", format!("{answer:?}")));
    }
    subject
        .finishes(&endless, result(), Fenced::Applied)
        .await?;
    subject.pass(1).await;
    subject
        .claims(&rival(&endless), Claimed::Done(result()))
        .await?;
    subject.purges(&endless, true).await?;

    // A lease that ends at once.
    let claim = Claim {
        lease: Duration::ZERO,
        ..subject.first()
    };
    subject.claims(&claim, acquired(1)).await?;
    let unknown = Claimed::OutcomeUnknown { attempt: 1 };
    subject.claims(&rival(&claim), unknown).await?;
    subject.claims(&taking_over(&claim), acquired(2)).await
}

async fn a_wait_for_a_change_ends_in_time<S: Store>(subject: &Subject<S>) -> Verdict {
    let keys = [
        subject.first(),
        subject.pending().await?,
        subject.done().await?,
        subject.lapsed().await?,
    ];
    for claim in keys {
        let wait = subject.store().changed(&claim.key, subject.units(2));
        let late = subject.units(6);
        if tokio::time::timeout(late, wait).await.is_err() {
            let expected = "an end after 2 units";
            return Err(step("changed", expected, "none after 6"));
        }
    }
    Ok(())
}
