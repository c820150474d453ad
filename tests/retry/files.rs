//! Settings from files.

use mainstay::Ratio;
use mainstay::retry::{
    ConcurrencyConfig, Jitter, Nested, RetryConfig, RetryLayer, ThrottleConfig, TokenConfig,
    WindowedConfig,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn there_and_back<T: Serialize + DeserializeOwned + Default + PartialEq + std::fmt::Debug>(set: T) {
    let file = serde_json::to_string(&set).unwrap();
    assert_eq!(serde_json::from_str::<T>(&file).unwrap(), set);
    assert_eq!(serde_json::from_str::<T>("{}").unwrap(), T::default());
    assert!(serde_json::from_str::<T>(r#"{"atempts": 3}"#).is_err());
}

#[test]
fn settings_survive_a_file_and_misspelt_ones_are_refused() {
    let ratio = Ratio::percent(7).unwrap();
    there_and_back(RetryConfig::default().attempts(7).nested(Nested::Retry));
    there_and_back(WindowedConfig::default().floor(7).ratio(ratio));
    there_and_back(TokenConfig::default().cost(7));
    there_and_back(ThrottleConfig::default().token_ratio(ratio));
    there_and_back(ConcurrencyConfig::default().minimum(7));
    let file = r#"{"jitter": "decorrelated", "nested": "pass_through"}"#;
    let config: RetryConfig = serde_json::from_str(file).unwrap();
    assert_eq!(config, RetryConfig::default().jitter(Jitter::Decorrelated));
}

#[test]
fn what_is_out_of_range_in_a_file_is_refused_by_the_layer() {
    let config: RetryConfig = serde_json::from_str(r#"{"attempts": 0}"#).unwrap();
    let said = RetryLayer::new("test", config).unwrap_err().to_string();
    assert_eq!(said, "attempts is 0, but must be at least 1");
}
