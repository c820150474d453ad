//! Settings as data.

use mainstay::coordination::LeaderConfig;

use super::MS;

#[test]
fn settings_survive_a_file_what_is_left_out_is_the_default_and_what_is_unknown_an_error() {
    let config = LeaderConfig::default().min_remaining(50 * MS);
    let file = serde_json::to_string(&config).unwrap();
    assert_eq!(file, r#"{"min_remaining":{"secs":0,"nanos":50000000}}"#);
    let read = serde_json::from_str::<LeaderConfig>;
    assert_eq!(read(&file).unwrap(), config);
    assert_eq!(read("{}").unwrap(), LeaderConfig::default());
    assert!(read(r#"{"min_left": 1}"#).is_err());
}
