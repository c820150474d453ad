//! What goes to an acceptor and comes back, as text. These forms are a protocol: they stay.

use mainstay::coordination::{Ask, LeaseRequest, LeaseResponse, Message, Prepare, Release};
use serde_json::{from_str, json, to_value};

use super::kit::*;

#[test]
fn each_form_is_as_it_always_was() {
    let ballot = ballot(7, 1);
    let written = json!({
        "counter": 7,
        "owner": { "node": 1, "incarnation": format!("{:032x}", 1) },
    });
    let asks = [
        (
            Ask::Message(Message::Prepare(Prepare { ballot })),
            json!({ "message": { "prepare": { "ballot": written } } }),
        ),
        (
            Ask::Message(Message::Release(Release { ballot })),
            json!({ "message": { "release": { "ballot": written } } }),
        ),
        (
            Ask::Wait { within: 500 * MS },
            json!({ "wait": { "within": { "secs": 0, "nanos": 500_000_000 } } }),
        ),
    ];
    for (ask, form) in asks {
        let resource = RESOURCE.into();
        let request = LeaseRequest { resource, ask };
        let form = json!({ "resource": "ledger", "ask": form });
        assert_eq!(to_value(&request).unwrap(), form);
        assert_eq!(
            from_str::<LeaseRequest>(&form.to_string()).unwrap(),
            request
        );
    }
    let responses = [
        (LeaseResponse::Silence, json!("silence")),
        (
            LeaseResponse::Free { promised: None },
            json!({ "free": { "promised": null } }),
        ),
        (
            LeaseResponse::Free {
                promised: Some(ballot),
            },
            json!({ "free": { "promised": written } }),
        ),
    ];
    for (response, form) in responses {
        assert_eq!(to_value(response).unwrap(), form);
        assert_eq!(
            from_str::<LeaseResponse>(&form.to_string()).unwrap(),
            response
        );
    }
}

#[test]
fn what_is_not_one_of_them_is_refused() {
    let hostile = [
        "{}",
        r#"{"resource":"ledger"}"#,
        r#"{"resource":1,"ask":{"wait":{"within":{"secs":0,"nanos":0}}}}"#,
        r#"{"resource":"ledger","ask":{"wait":{"within":{"secs":0,"nanos":0}}},"more":1}"#,
        r#"{"resource":"ledger","ask":{"wait":{"within":{"secs":0,"nanos":0},"more":1}}}"#,
        r#"{"resource":"ledger","ask":{"wait":{"within":-1}}}"#,
        r#"{"resource":"ledger","ask":{"wait":{}}}"#,
        r#"{"resource":"ledger","ask":{"steal":{}}}"#,
        r#"{"resource":"ledger","ask":"wait"}"#,
    ];
    for text in hostile {
        assert!(from_str::<LeaseRequest>(text).is_err(), "{text}");
    }
    for text in [
        r#""free""#,
        r#"{"free":{"promised":1}}"#,
        r#"{"free":{}}"#,
        "null",
        r#""""#,
    ] {
        assert!(from_str::<LeaseResponse>(text).is_err(), "{text}");
    }
}
