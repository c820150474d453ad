//! Many at once.

use tokio::task::JoinSet;

use crate::idempotency::{Claim, Claimed, Fenced, Store};

use super::case::cases;
use super::report::Step;
use super::subject::{LEASE, Subject, Verdict, is, record, rival, step, taking_over};

cases![
    of_many_who_claim_a_key_at_once_one_acquires_it,
    of_many_who_take_a_key_over_at_once_one_acquires_it,
    of_a_late_finish_and_takeovers_at_once_one_counts,
    a_claim_asked_many_times_at_once_is_acquired_once,
    of_many_who_finish_a_key_at_once_one_is_kept,
];

const MANY: usize = 32;
/// A race that is lost one time in many is still to be found.
const ROUNDS: usize = 8;

async fn of_many_who_claim_a_key_at_once_one_acquires_it<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    for _ in 0..ROUNDS {
        let claim = subject.first();
        let claims = (0..MANY).map(|_| taking_over(&claim));
        let answers = all_claim(subject, claims).await?;
        let won = attempts(&answers);
        is("how many acquire", &vec![1], &won)?;
        let in_flight = |answer: &&Claimed| matches!(answer, Claimed::InFlight { .. });
        let others = answers.iter().filter(in_flight).count();
        is("how many find it in flight", &(MANY - 1), &others)?;
    }
    Ok(())
}

async fn of_many_who_take_a_key_over_at_once_one_acquires_it<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.lapsed().await?;
    for attempt in 2..4 {
        let claims = (0..MANY).map(|_| taking_over(&claim));
        let answers = all_claim(subject, claims).await?;
        is("who acquires", &vec![attempt], &attempts(&answers))?;
        subject.pass(LEASE + 1).await;
    }
    Ok(())
}

async fn of_a_late_finish_and_takeovers_at_once_one_counts<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let mut lapsed = Vec::new();
    for _ in 0..ROUNDS {
        lapsed.push(subject.pending().await?);
    }
    subject.pass(LEASE + 1).await;
    for claim in lapsed {
        let mut claims = JoinSet::new();
        for _ in 0..MANY / 4 {
            let (subject, next) = (subject.clone(), taking_over(&claim));
            claims.spawn(async move { subject.claim(&next).await });
        }
        let late = subject.clone();
        let finish = tokio::spawn(async move { late.finish(&claim, record("late")).await });
        let answers = ended(claims).await?;
        let finished = finish.await.map_err(|_| panicked())??;
        let expected = match finished {
            Fenced::Applied => Vec::new(),
            Fenced::Superseded | Fenced::Gone => vec![2],
        };
        let what = format!("who acquires, when a late finish is {finished:?}");
        is(&what, &expected, &attempts(&answers))?;
    }
    Ok(())
}

async fn a_claim_asked_many_times_at_once_is_acquired_once<S: Store>(
    subject: &Subject<S>,
) -> Verdict {
    let claim = subject.first();
    let answers = all_claim(subject, (0..MANY).map(|_| claim)).await?;
    is("what all are told", &vec![1; MANY], &attempts(&answers))?;
    subject.is_in_flight(&rival(&claim)).await
}

async fn of_many_who_finish_a_key_at_once_one_is_kept<S: Store>(subject: &Subject<S>) -> Verdict {
    for _ in 0..ROUNDS {
        let claim = subject.first();
        let mut finishes = JoinSet::new();
        for _ in 0..MANY / 4 {
            let (subject, next) = (subject.clone(), rival(&claim));
            finishes.spawn(async move { subject.finish(&next, record("its own")).await });
        }
        let mut applied = 0_usize;
        for answer in ended(finishes).await? {
            applied = applied.saturating_add(usize::from(answer == Fenced::Applied));
        }
        is("how many finishes are applied", &1, &applied)?;
    }
    Ok(())
}

async fn all_claim<S: Store>(
    subject: &Subject<S>,
    claims: impl Iterator<Item = Claim>,
) -> Verdict<Vec<Claimed>> {
    let mut asked = JoinSet::new();
    for claim in claims {
        let subject = subject.clone();
        asked.spawn(async move { subject.claim(&claim).await });
    }
    ended(asked).await
}

async fn ended<T: 'static>(mut tasks: JoinSet<Verdict<T>>) -> Verdict<Vec<T>> {
    let mut answers = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        answers.push(answer.map_err(|_| panicked())??);
    }
    Ok(answers)
}

fn panicked() -> Step {
    step("many at once", "answers", "a panic")
}

/// The attempts of those who acquired the key.
fn attempts(answers: &[Claimed]) -> Vec<u64> {
    let acquired = answers.iter().filter_map(|answer| match answer {
        Claimed::Acquired { attempt } => Some(*attempt),
        _ => None,
    });
    acquired.collect()
}
