//! Several `baggage` fields of any bytes: what is kept is canonical and within the limits; then a
//! member inserted, and removed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay::context::{Carrier, Field};
use mainstay::trace::Baggage;

struct Message<'a>(Vec<&'a [u8]>);

impl Carrier for Message<'_> {
    fn get_all(&self, _field: Field) -> impl Iterator<Item = &[u8]> {
        self.0.iter().copied()
    }

    fn set(&mut self, _field: Field, _value: &[u8]) {}

    fn remove(&mut self, _field: Field) {}
}

fn is_token(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(is_allowed)
}

fn is_value(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_graphic() && !"\",;\\".contains(c))
}

/// The members of the fields without white space, valid ones only.
fn model(fields: &[&[u8]]) -> Vec<String> {
    let list = fields.join(&b","[..]);
    let list: String = list.into_iter().map(char::from).collect();
    let mut members = Vec::new();
    for text in list.split(',') {
        let parts = text.split(';').map(|part| match part.split_once('=') {
            Some((key, value)) => {
                let (key, value) = (
                    key.trim_matches([' ', '\t']),
                    value.trim_matches([' ', '\t']),
                );
                (is_token(key) && is_value(value)).then(|| format!("{key}={value}"))
            }
            None => Some(part.trim_matches([' ', '\t']).to_owned()).filter(|key| is_token(key)),
        });
        if let Some(parts) = parts.collect::<Option<Vec<_>>>()
            && parts[0].contains('=')
        {
            members.push(parts.join(";"));
        }
    }
    members
}

fn check(baggage: &Baggage) {
    let list = baggage.as_str();
    assert!(list.len() <= 8192 && baggage.iter().count() <= 64);
    assert!(list.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(list.is_empty(), baggage.is_empty());
    assert_eq!(&Baggage::parse(list.as_bytes()), baggage);
    for member in baggage.iter() {
        assert!(is_token(member.key()));
        assert!(baggage.get(member.key()).is_some());
    }
}

fuzz_target!(|input: &[u8]| {
    let fields: Vec<_> = input.split(|byte| *byte == b'\n').collect();
    let mut baggage = Baggage::extract(&Message(fields.clone()));
    check(&baggage);
    let mut expected = String::new();
    if input.len() < 32 * 1024 {
        for member in model(&fields).into_iter().take(64) {
            let comma = if expected.is_empty() { "" } else { "," };
            if expected.len() + comma.len() + member.len() > 8192 {
                break;
            }
            expected = expected + comma + &member;
        }
        assert_eq!(baggage.as_str(), expected);
    }

    let text = String::from_utf8_lossy(input);
    let (key, value) = text.split_once('=').unwrap_or(("own", &text));
    let before = baggage.clone();
    if baggage.insert(key, value).is_ok() {
        check(&baggage);
        assert_eq!(baggage.get(key).as_deref(), Some(value));
        let others = |baggage: &Baggage| -> Vec<String> {
            let members = baggage.iter().filter(|member| member.key() != key);
            members.map(|member| format!("{member:?}")).collect()
        };
        assert_eq!(others(&baggage), others(&before));
        baggage.remove(key);
        check(&baggage);
        assert_eq!(baggage.get(key), None);
        assert_eq!(others(&baggage), others(&before));
    } else {
        assert_eq!(baggage, before);
    }
});
