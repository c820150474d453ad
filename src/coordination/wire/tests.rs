use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::coordination::{
    Accept, Accepted, AcceptorId, Ballot, FencingToken, Live, Message, Nack, NodeId, Owner,
    Prepare, Promise, Release, Reply,
};

fn ballot(counter: u64, incarnation: u128) -> Ballot {
    let owner = Owner {
        node: NodeId(2),
        incarnation: Incarnation(incarnation),
    };
    Ballot { counter, owner }
}

fn token(number: u64) -> FencingToken {
    FencingToken::from_number(number).unwrap()
}

const OWNER: &str = r#"{"node":2,"incarnation":"000000000000000000000000000005ee"}"#;
const BALLOT: &str =
    r#"{"counter":7,"owner":{"node":2,"incarnation":"000000000000000000000000000005ee"}}"#;

/// Written so, and read from it.
fn golden<T>(value: &T, text: &str)
where
    T: Serialize + for<'de> Deserialize<'de> + PartialEq + fmt::Debug,
{
    let text = text.replace("BALLOT", BALLOT);
    assert_eq!(serde_json::to_string(value).unwrap(), text);
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value);
}

#[test]
fn what_proposers_say_has_this_form() {
    let ballot = ballot(7, 0x5ee);
    golden(&ballot.owner, OWNER);
    golden(&ballot, BALLOT);
    golden(
        &Message::Prepare(Prepare { ballot }),
        r#"{"prepare":{"ballot":BALLOT}}"#,
    );
    let accept = Accept {
        ballot,
        token: token(u64::MAX),
        ttl: Duration::from_millis(2500),
    };
    golden(
        &Message::Accept(accept),
        r#"{"accept":{"ballot":BALLOT,"token":18446744073709551615,"ttl":{"secs":2,"nanos":500000000}}}"#,
    );
    golden(
        &Message::Release(Release { ballot }),
        r#"{"release":{"ballot":BALLOT}}"#,
    );
}

#[test]
fn what_acceptors_answer_has_this_form() {
    let ballot = ballot(7, 0x5ee);
    let from = AcceptorId(u32::MAX);
    let live = Live {
        ballot,
        remaining: Duration::from_secs(1),
    };
    let promise = Promise {
        ballot,
        from,
        live: Some(live),
        high: None,
    };
    golden(
        &Reply::Promise(promise),
        r#"{"promise":{"ballot":BALLOT,"from":4294967295,"live":{"ballot":BALLOT,"remaining":{"secs":1,"nanos":0}},"high":null}}"#,
    );
    golden(
        &Reply::Accepted(Accepted { ballot, from }),
        r#"{"accepted":{"ballot":BALLOT,"from":4294967295}}"#,
    );
    let nack = Nack {
        ballot,
        from,
        promised: Some(ballot),
        live: None,
        high: Some(FencingToken::FIRST),
    };
    golden(
        &Reply::Nack(nack),
        r#"{"nack":{"ballot":BALLOT,"from":4294967295,"promised":BALLOT,"live":null,"high":1}}"#,
    );
}

fn is_refused<T: for<'de> Deserialize<'de>>(value: &Value) -> bool {
    serde_json::from_value::<T>(value.clone()).is_err()
}

#[test]
fn no_token_is_read_but_a_whole_number_from_1() {
    assert_eq!(serde_json::from_str::<FencingToken>("1").unwrap(), token(1));
    for text in [
        "0",
        "-1",
        "1.0",
        "1e3",
        "\"1\"",
        "null",
        "[1]",
        "18446744073709551616",
        "01",
        "true",
    ] {
        assert!(
            serde_json::from_str::<FencingToken>(text).is_err(),
            "{text}"
        );
    }
}

#[test]
fn an_incarnation_has_one_form() {
    for number in [0, 1, u128::from(u64::MAX), u128::MAX] {
        let text = format!("\"{number:032x}\"");
        golden(&Incarnation(number), &text);
    }
    let long = format!("{:033x}", 5);
    for odd in [
        json!(5),
        json!(null),
        json!(""),
        json!("5ee"),
        json!(long),
        json!("0000000000000000000000000000 5ee"),
        json!("+00000000000000000000000000005ee"),
        json!("000000000000000000000000000005EE"),
        json!("0x0000000000000000000000000005ee"),
        json!("é00000000000000000000000000005e"),
    ] {
        assert!(is_refused::<Incarnation>(&odd), "{odd}");
    }
    let error = serde_json::from_value::<Incarnation>(json!("x".repeat(1 << 20))).unwrap_err();
    assert!(error.to_string().len() < 200, "what was sent is not echoed");
}

/// Every object in a message, by the path to it.
fn objects(value: &Value, path: &str, found: &mut Vec<String>) {
    if let Value::Object(members) = value {
        found.push(path.to_owned());
        for (name, member) in members {
            objects(member, &format!("{path}/{name}"), found);
        }
    }
}

#[test]
fn a_member_too_many_and_a_member_too_few_are_refused_wherever_they_are() {
    let live = Live {
        ballot: ballot(7, 1),
        remaining: Duration::from_secs(1),
    };
    let nack = Nack {
        ballot: ballot(8, 1),
        from: AcceptorId(1),
        promised: Some(ballot(9, 2)),
        live: Some(live),
        high: Some(token(4)),
    };
    let whole = serde_json::to_value(Reply::Nack(nack)).unwrap();
    assert!(!is_refused::<Reply>(&whole));
    let mut paths = Vec::new();
    objects(&whole, "", &mut paths);
    assert_eq!(paths.len(), 10, "{paths:?}");
    for path in &paths {
        let mut more = whole.clone();
        let object = more.pointer_mut(path).unwrap().as_object_mut().unwrap();
        object.insert("more".to_owned(), json!(1));
        assert!(is_refused::<Reply>(&more), "{path}: {more}");

        let object = whole.pointer(path).unwrap().as_object().unwrap();
        for member in object.keys() {
            let mut less = whole.clone();
            let object = less.pointer_mut(path).unwrap().as_object_mut().unwrap();
            object.remove(member);
            assert!(
                is_refused::<Reply>(&less),
                "{path} without {member}: {less}"
            );
        }
    }
}

#[test]
fn a_message_is_one_that_is_known_and_only_one() {
    let ballot = serde_json::to_value(ballot(1, 1)).unwrap();
    let prepare = json!({ "ballot": ballot });
    assert!(!is_refused::<Message>(&json!({ "prepare": prepare })));
    for odd in [
        json!({}),
        json!("prepare"),
        json!({ "Prepare": prepare }),
        json!({ "promise": prepare }),
        json!({ "prepare": prepare, "release": prepare }),
        json!({ "prepare": { "ballot": ballot, "token": 1 } }),
        json!({ "accept": { "ballot": ballot, "token": 0, "ttl": { "secs": 1, "nanos": 0 } } }),
        json!({ "accept": { "ballot": ballot, "token": 1, "ttl": 1 } }),
        json!({ "accept": { "ballot": ballot, "token": 1, "ttl": { "secs": u64::MAX, "nanos": u32::MAX } } }),
    ] {
        assert!(is_refused::<Message>(&odd), "{odd}");
    }
    let twice = r#"{"counter":1,"counter":2,"owner":{"node":2,"incarnation":"000000000000000000000000000005ee"}}"#;
    assert!(serde_json::from_str::<Ballot>(twice).is_err());
}

fn ballots() -> impl Strategy<Value = Ballot> {
    (any::<u64>(), any::<u32>(), any::<u128>()).prop_map(|(counter, node, incarnation)| Ballot {
        counter,
        owner: Owner {
            node: NodeId(node),
            incarnation: Incarnation(incarnation),
        },
    })
}

fn replies() -> impl Strategy<Value = Reply> {
    let token = (1..=u64::MAX).prop_map(token);
    let live =
        (ballots(), any::<Duration>()).prop_map(|(ballot, remaining)| Live { ballot, remaining });
    let (live, high) = (prop::option::of(live), prop::option::of(token));
    let parts = (
        0..3,
        ballots(),
        any::<u32>().prop_map(AcceptorId),
        live,
        high,
        prop::option::of(ballots()),
    );
    parts.prop_map(|(which, ballot, from, live, high, promised)| match which {
        0 => Reply::Accepted(Accepted { ballot, from }),
        1 => Reply::Promise(Promise {
            ballot,
            from,
            live,
            high,
        }),
        _ => Reply::Nack(Nack {
            ballot,
            from,
            promised,
            live,
            high,
        }),
    })
}

fn again<T: Serialize + for<'de> Deserialize<'de>>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn a_reply_comes_out_as_it_went_in(reply in replies()) {
        prop_assert_eq!(again(&reply), reply);
    }

    #[test]
    fn a_message_comes_out_as_it_went_in(
        ballot in ballots(), number in 1..=u64::MAX, ttl in any::<Duration>()
    ) {
        let token = token(number);
        for message in [
            Message::Prepare(Prepare { ballot }),
            Message::Accept(Accept { ballot, token, ttl }),
            Message::Release(Release { ballot }),
        ] {
            prop_assert_eq!(again(&message), message);
        }
    }
}
