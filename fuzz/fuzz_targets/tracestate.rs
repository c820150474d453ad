//! Several `tracestate` fields of any bytes, against a model of the list; then a member inserted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay::context::{Carrier, Field};
use mainstay::trace::{TraceContext, TraceState};

const PARENT: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A valid parent, and the fields of a `tracestate`.
struct Message<'a>(Vec<&'a [u8]>);

impl Carrier for Message<'_> {
    fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        let is_state = field.name() == "tracestate";
        let parent = [PARENT].into_iter().filter(move |_| !is_state);
        parent.chain(self.0.iter().copied().filter(move |_| is_state))
    }

    fn set(&mut self, _field: Field, _value: &[u8]) {}

    fn remove(&mut self, _field: Field) {}
}

/// What a list means: `None` when it is dropped.
fn model(fields: &[&[u8]]) -> Option<Vec<(String, String)>> {
    let list = fields.join(&b","[..]);
    if list.len() + usize::from(!fields.is_empty()) > 32 * 1024 {
        return None;
    }
    let mut members: Vec<(String, String)> = Vec::new();
    let mut count = 0;
    for text in list.split(|byte| *byte == b',') {
        let text: Vec<char> = text.iter().map(|byte| char::from(*byte)).collect();
        let text: String = text.into_iter().collect();
        let text = text.trim_matches([' ', '\t']);
        if text.is_empty() {
            continue;
        }
        let (key, value) = text.split_once('=')?;
        let is_lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_key = key.starts_with(is_lower)
            && key.chars().all(|c| is_lower(c) || "_-*/@".contains(c))
            && key.len() <= 256;
        let is_value = (1..=256).contains(&value.len())
            && value.chars().all(|c| (' '..='~').contains(&c) && c != '=');
        count += 1;
        if !is_key || !is_value || count > 32 {
            return None;
        }
        if members.iter().all(|(known, _)| known != key) {
            members.push((key.to_owned(), value.to_owned()));
        }
    }
    Some(members)
}

fn check(state: &TraceState) {
    let list = state.as_str();
    assert!(list.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    assert_eq!(list.is_empty(), state.is_empty());
    assert!(state.iter().count() <= 32);
    assert_eq!(TraceState::parse(list.as_bytes()).as_ref(), Some(state));
    for (key, value) in state.iter() {
        assert_eq!(state.get(key), Some(value));
    }
}

fuzz_target!(|input: &[u8]| {
    let fields: Vec<_> = input.split(|byte| *byte == b'\n').collect();
    let context = TraceContext::extract(&Message(fields.clone())).expect("the parent is valid");
    let mut state = context.state().clone();
    check(&state);
    let members = model(&fields).unwrap_or_default();
    let length: usize = members
        .iter()
        .map(|(key, value)| key.len() + value.len() + 2)
        .sum();
    if length <= 8193 {
        let expected = members
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        assert!(state.iter().eq(expected), "{state:?} of {members:?}");
    } else {
        // Cut to whole members, and those left are in their order.
        assert!(state.as_str().len() <= 8192);
        let mut rest = members.iter();
        assert!(
            state
                .iter()
                .all(|(key, _)| rest.any(|(known, _)| known == key))
        );
    }

    // A member that the input holds, or the whole of it, as one's own.
    let text = String::from_utf8_lossy(input);
    let (key, value) = text.split_once('=').unwrap_or(("own", &text));
    let before = state.clone();
    if state.insert(key, value).is_ok() {
        check(&state);
        let others = before.iter().filter(|(known, _)| *known != key).take(31);
        assert!(state.iter().eq([(key, value)].into_iter().chain(others)));
    } else {
        assert_eq!(state, before);
    }
});
