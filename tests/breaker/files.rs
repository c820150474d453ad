//! Settings as they stand in configuration files.

use std::num::NonZeroU32;

use mainstay::breaker::{Cancelled, OnPushback, Window};

use super::*;

#[test]
fn settings_survive_a_file() {
    let all = config()
        .window(Window::Count { calls: 50 })
        .slow_ratio(Ratio::percent(80).unwrap())
        .consecutive_failures(NonZeroU32::new(7))
        .ramp(30 * SECOND)
        .pushback(OnPushback::Extend)
        .cancelled(Cancelled::FailureAfter(SECOND));
    for config in [BreakerConfig::default(), all] {
        let text = serde_json::to_string(&config).unwrap();
        let read: BreakerConfig = serde_json::from_str(&text).unwrap();
        assert_eq!(read, config);
    }
}

#[test]
fn what_a_file_leaves_out_is_the_default_and_what_is_unknown_is_refused() {
    let text =
        r#"{ "volume_min": 7, "window": { "count": { "calls": 9 } }, "failure_ratio": 0.25 }"#;
    let read: BreakerConfig = serde_json::from_str(text).unwrap();
    let expected = BreakerConfig::default()
        .volume_min(7)
        .window(Window::Count { calls: 9 })
        .failure_ratio(Ratio::percent(25).unwrap());
    assert_eq!(read, expected);
    let error = serde_json::from_str::<BreakerConfig>(r#"{ "volume": 7 }"#).unwrap_err();
    assert!(error.to_string().contains("volume"), "{error}");
}
