//! Settings from files.

use mainstay::Ratio;
use mainstay::deadline::{
    DeadlineClientConfig, DeadlineServerConfig, DeadlineServerLayer, Expired,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{MS, SECOND};

fn there_and_back<T: Serialize + DeserializeOwned + Default + PartialEq + std::fmt::Debug>(set: T) {
    let file = serde_json::to_string(&set).unwrap();
    assert_eq!(serde_json::from_str::<T>(&file).unwrap(), set);
    assert_eq!(serde_json::from_str::<T>("{}").unwrap(), T::default());
    assert!(serde_json::from_str::<T>(r#"{"maximum": 3}"#).is_err());
}

#[test]
fn settings_survive_a_file_and_misspelt_ones_are_refused() {
    let ratio = Ratio::percent(20).unwrap();
    let server = DeadlineServerConfig::default().max(SECOND).default_time(MS);
    there_and_back(server.expired(Expired::Observe).refusals_max(ratio));
    there_and_back(DeadlineServerConfig::default());
    there_and_back(
        DeadlineClientConfig::default()
            .margin(MS)
            .max(SECOND)
            .min(MS),
    );
    let file = r#"{"expired": "observe", "refusals_max": 0.2}"#;
    let config: DeadlineServerConfig = serde_json::from_str(file).unwrap();
    let expected = DeadlineServerConfig::default().expired(Expired::Observe);
    assert_eq!(config, expected.refusals_max(ratio));
}

#[test]
fn what_is_out_of_range_in_a_file_is_refused_by_the_layer() {
    let file = r#"{"max": {"secs": 0, "nanos": 0}}"#;
    let config: DeadlineServerConfig = serde_json::from_str(file).unwrap();
    let said = DeadlineServerLayer::new("api", config)
        .unwrap_err()
        .to_string();
    assert_eq!(said, "max is 0ns, but must be above zero");
}
