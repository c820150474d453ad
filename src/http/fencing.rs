//! Fencing tokens as the values of headers.

use http::header::HeaderValue;

use crate::coordination::{FencingToken, MalformedToken};

impl From<FencingToken> for HeaderValue {
    fn from(token: FencingToken) -> Self {
        Self::from(token.number())
    }
}

/// In plain digits, as [`FromStr`](std::str::FromStr) reads them.
impl TryFrom<&HeaderValue> for FencingToken {
    type Error = MalformedToken;

    fn try_from(value: &HeaderValue) -> Result<Self, MalformedToken> {
        Self::from_text(value.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Request};
    use proptest::prelude::*;

    use super::*;
    use crate::coordination::{NodeId, NotLeader, Stale};

    fn token(number: u64) -> FencingToken {
        FencingToken::from_number(number).unwrap()
    }

    #[test]
    fn the_last_token_written_is_read_and_two_are_one_too_many() {
        let mut request = Request::new(());
        assert_eq!(FencingToken::read(&request), Ok(None));
        token(7).write(&mut request);
        token(u64::MAX).write(&mut request);
        assert_eq!(FencingToken::read(&request), Ok(Some(token(u64::MAX))));
        let headers = request.headers_mut();
        assert_eq!(headers["fencing-token"], "18446744073709551615");
        headers.append("Fencing-Token", token(u64::MAX).into());
        assert!(FencingToken::read(&request).is_err());
    }

    #[test]
    fn the_fields_of_an_answer_are_read_strictly_and_a_leader_may_be_node_0() {
        let answer = |name: &'static str, values: &[&'static str]| {
            let values = values.iter().map(|value| HeaderValue::from_static(value));
            let name = || http::header::HeaderName::from_static(name);
            values.map(|value| (name(), value)).collect::<HeaderMap>()
        };
        let high = |values| Stale::read_high(&answer("fencing-token-high", values));
        assert_eq!(high(&[]), Ok(None));
        assert_eq!(high(&["9"]), Ok(Some(token(9))));
        assert!(high(&["0"]).is_err());
        let leader = |values| NotLeader::read_leader(&answer("leader-node", values));
        assert_eq!(leader(&["0"]), Some(NodeId(0)));
        assert_eq!(leader(&["4294967295"]), Some(NodeId(u32::MAX)));
        let odd: [&[&'static str]; 6] =
            [&[], &["4294967296"], &["01"], &[""], &["-1"], &["1", "1"]];
        for values in odd {
            assert_eq!(leader(values), None, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn a_token_goes_into_a_header_and_comes_out_of_it(number in 1..=u64::MAX) {
            let value = HeaderValue::from(token(number));
            prop_assert_eq!(value.to_str().unwrap(), number.to_string());
            prop_assert_eq!(FencingToken::try_from(&value), Ok(token(number)));
        }

        #[test]
        fn no_header_is_too_odd_to_be_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let read = FencingToken::try_from(&value);
                let again = read.map(|token| HeaderValue::from(token) == value);
                prop_assert!(again.unwrap_or(true));
            }
        }
    }
}
