//! Stores that break one rule fail a case that names it.

use std::time::Duration;

use mainstay::idempotency::conformance::{Report, check, check_room};

use crate::fault::Fault;
use crate::spec::Spec;

const UNIT: Duration = Duration::from_secs(1);

async fn fails(fault: Fault) -> Report {
    match fault {
        Fault::EvictsClaimed | Fault::EvictsDone => {
            check_room(Spec::bounded(5, Some(fault)), 5, UNIT).await
        }
        _ => check(Spec::with(fault), UNIT).await,
    }
    .expect_err(&format!("{fault:?} passes"))
}

#[tokio::test(start_paused = true)]
async fn each_fault_is_caught_by_a_case_that_is_about_it() {
    for (fault, case) in FAULTS {
        let report = fails(*fault).await;
        let mut failures = report.failures().iter();
        let is_caught = failures.any(|failure| failure.case() == *case);
        assert!(
            is_caught,
            "{fault:?} is not caught by {case}, but:\n{report}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_says_what_was_expected_and_what_was_found() {
    let report = fails(Fault::TakeoverKeepsAttempt).await;
    let failure = report.failures().first().expect("at least one");
    assert_eq!(failure.step(), "claim, TakeOver");
    assert_eq!(failure.expected(), "Acquired { attempt: 2 }");
    assert_eq!(failure.found(), "Acquired { attempt: 1 }");
    let said = report.to_string();
    assert!(said.contains(" cases failed\n"), "{said}");
    assert!(said.contains(&failure.to_string()), "{said}");
}

const FAULTS: &[(Fault, &str)] = &[
    (
        Fault::IgnoresFingerprint,
        "another_fingerprint_is_a_mismatch_while_the_key_is_claimed",
    ),
    (
        Fault::ComparesFingerprintAfterState,
        "another_fingerprint_is_a_mismatch_when_the_key_is_done",
    ),
    (
        Fault::ForgetsFingerprintOnLapse,
        "another_fingerprint_is_a_mismatch_when_the_lease_has_lapsed",
    ),
    (
        Fault::ForgetsFingerprintOnFinish,
        "another_fingerprint_is_a_mismatch_when_the_key_is_done",
    ),
    (
        Fault::TakesFingerprintOfOwner,
        "another_fingerprint_is_a_mismatch_while_the_key_is_claimed",
    ),
    (
        Fault::FinishesForAnyone,
        "who_does_not_own_a_key_changes_nothing",
    ),
    (
        Fault::ReleasesForAnyone,
        "who_does_not_own_a_key_changes_nothing",
    ),
    (
        Fault::RenewsForAnyone,
        "who_does_not_own_a_key_changes_nothing",
    ),
    (
        Fault::CountsRepeatedClaims,
        "a_claim_whose_answer_was_lost_is_acquired_again_at_the_same_attempt",
    ),
    (
        Fault::RefusesRepeatedClaims,
        "a_claim_asked_many_times_at_once_is_acquired_once",
    ),
    (
        Fault::RepeatedClaimKeepsLease,
        "a_claim_whose_answer_was_lost_is_acquired_again_at_the_same_attempt",
    ),
    (
        Fault::LapseTakesFinish,
        "a_late_finish_counts_when_nobody_took_over",
    ),
    (
        Fault::LapseTakesRelease,
        "a_late_release_frees_the_key_when_nobody_took_over",
    ),
    (
        Fault::LapseTakesRenewal,
        "a_late_renewal_counts_when_nobody_took_over",
    ),
    (
        Fault::LapseFrees,
        "a_lapsed_claim_is_of_unknown_outcome_or_taken_over_as_each_claimer_asks",
    ),
    (
        Fault::TellingTakesFinish,
        "a_late_finish_counts_when_nobody_took_over",
    ),
    (
        Fault::TakeoverKeepsAttempt,
        "attempts_rise_with_each_takeover",
    ),
    (
        Fault::AlwaysTakesOver,
        "a_lapsed_claim_is_of_unknown_outcome_or_taken_over_as_each_claimer_asks",
    ),
    (
        Fault::NeverTakesOver,
        "of_many_who_take_a_key_over_at_once_one_acquires_it",
    ),
    (
        Fault::HolderDecidesOnLapse,
        "a_lapsed_claim_is_of_unknown_outcome_or_taken_over_as_each_claimer_asks",
    ),
    (
        Fault::LapsedRivalYields,
        "who_was_taken_over_changes_nothing_any_more",
    ),
    (
        Fault::DropsUnknownFinish,
        "a_finish_of_a_key_that_is_not_known_is_kept",
    ),
    (
        Fault::RepeatedFinishReplaces,
        "a_finish_whose_answer_was_lost_is_applied_once",
    ),
    (
        Fault::RefusesRepeatedFinish,
        "a_finish_whose_answer_was_lost_is_applied_once",
    ),
    (Fault::ReleaseUndoesFinish, "what_is_done_is_not_taken_back"),
    (
        Fault::ReleaseForgetsTakeover,
        "a_release_after_a_takeover_leaves_what_an_earlier_execution_may_have_done",
    ),
    (
        Fault::RenewAfterFinishIsLost,
        "what_is_done_is_not_taken_back",
    ),
    (
        Fault::RefusedClaimProlongs,
        "claims_that_are_refused_do_not_keep_a_key_alive",
    ),
    (
        Fault::RetentionIsLease,
        "a_lapsed_claim_is_forgotten_when_its_retention_ends_and_not_before",
    ),
    (
        Fault::ForgetsRunningLease,
        "a_key_is_known_while_its_lease_runs",
    ),
    (
        Fault::RenewKeepsRetention,
        "an_execution_that_renews_outlives_its_retention",
    ),
    (
        Fault::FinishKeepsRetention,
        "a_finish_begins_the_retention_that_it_says",
    ),
    (
        Fault::NeverForgets,
        "what_is_done_is_forgotten_when_its_retention_ends_and_not_before",
    ),
    (
        Fault::PurgesOnlyUnfinished,
        "a_purge_forgets_a_key_in_any_state",
    ),
    (Fault::PurgeAlwaysSaysYes, "a_key_that_is_not_known_is_gone"),
    (Fault::ForgetsReasons, "what_is_kept_is_what_was_given"),
    (Fault::TruncatesRecords, "what_is_kept_is_what_was_given"),
    (
        Fault::ReadsKeysAsText,
        "keys_that_differ_in_one_bit_are_two",
    ),
    (
        Fault::SharesKeysOfOnePrefix,
        "keys_that_differ_in_one_bit_are_two",
    ),
    (
        Fault::ReadsBeforeItWrites,
        "of_many_who_claim_a_key_at_once_one_acquires_it",
    ),
    (
        Fault::OverflowsOnLongDurations,
        "durations_without_end_and_of_nothing_are_taken",
    ),
    (Fault::WaitsForEver, "a_wait_for_a_change_ends_in_time"),
    (
        Fault::EvictsClaimed,
        "a_claimed_key_is_never_forgotten_for_want_of_room",
    ),
    (
        Fault::EvictsDone,
        "a_key_that_is_done_is_not_run_again_for_want_of_room",
    ),
];
