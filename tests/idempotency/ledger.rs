//! What happened in one history, and whether it may have.

use std::collections::HashMap;
use std::sync::Mutex;

use mainstay::{Executed, Rejection, StackError};

use crate::desk::{Answer, Request};

/// What a handler did that cannot be undone.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    pub(crate) client: u64,
    pub(crate) tenant: &'static str,
    pub(crate) key: String,
    pub(crate) body: &'static str,
    pub(crate) attempt: u64,
}

pub(crate) const BODIES: [&str; 3] = ["pay 5", "pay 5", "pay 6"];
pub(crate) const KEYS: [&str; 2] = ["k-1", "k-2"];
pub(crate) const TENANTS: [&str; 2] = ["acme", "apex"];
/// What happened in one history.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) effects: Mutex<Vec<Effect>>,
    pub(crate) answers: Mutex<Vec<(u64, Request, Answer)>>,
    pub(crate) purges: Mutex<HashMap<(&'static str, String), usize>>,
}

impl Log {
    pub(crate) fn check(&self, is_once: bool) {
        let effects = self.effects.lock().unwrap();
        let answers = self.answers.lock().unwrap();
        let purges = self.purges.lock().unwrap();
        for tenant in TENANTS {
            for key in KEYS {
                let key = key.to_owned();
                let renewed = purges.get(&(tenant, key.clone())).copied().unwrap_or(0);
                let here = effects
                    .iter()
                    .filter(|e| e.tenant == tenant && e.key == key);
                let here: Vec<_> = here.collect();
                let mut by_attempt = HashMap::<u64, usize>::new();
                for effect in &here {
                    assert!(effect.attempt > 0);
                    *by_attempt.entry(effect.attempt).or_default() += 1;
                }
                // At most one effect for each attempt; of one key, for each time that it is new.
                assert!(
                    by_attempt.values().all(|many| *many <= 1 + renewed),
                    "{here:?}"
                );
                if is_once {
                    assert!(here.len() <= 1 + renewed, "{here:?}");
                }
                if renewed == 0 {
                    let same = here.iter().all(|effect| effect.body == here[0].body);
                    assert!(same, "the fingerprint was not compared: {here:?}");
                }
                let of_key = |request: &Request| {
                    request.tenant == Some(tenant) && request.key.as_deref() == Some(&key)
                };
                let mut texts = answers
                    .iter()
                    .filter(|(_, request, _)| of_key(request))
                    .filter_map(|(_, _, answer)| answer.as_ref().ok())
                    .map(|response| response.text.as_str());
                if is_once && renewed == 0 {
                    let first = texts.next();
                    assert!(
                        texts.all(|text| Some(text) == first),
                        "two answers: {answers:?}"
                    );
                }
            }
        }
        for (client, request, answer) in answers.iter() {
            let ran = effects.iter().any(|effect| effect.client == *client);
            match answer {
                Ok(response) => {
                    let said = response.text.trim_start_matches("huge ");
                    let ours = said.split('#').next() == Some(claim_of(request).as_str());
                    assert!(ours, "another's response: {request:?} {response:?}");
                    let author = said.split('#').nth(1).unwrap();
                    let author: u64 = author.parse().unwrap();
                    assert_eq!(response.is_replay, author != *client, "{response:?}");
                    let really = effects.iter().any(|effect| effect.client == author);
                    assert!(really, "nothing ran: {response:?}");
                }
                Err(error) => {
                    let executed = error.rejection().map(Rejection::executed);
                    let denied = executed == Some(Executed::No);
                    assert!(!(ran && denied), "it ran, and is said not to have: {error}");
                }
            }
        }
    }
}

pub(crate) fn claim_of(request: &Request) -> String {
    let key = request.key.as_deref().unwrap();
    format!("{}/{key}/{}", request.tenant.unwrap(), request.body)
}
