//! Settings of a store in memory, from files.

use mainstay::idempotency::MemoryStoreConfig;

#[test]
fn settings_are_read_and_what_is_unknown_is_refused() {
    let read = |text| serde_json::from_str::<MemoryStoreConfig>(text);
    assert_eq!(read("{}").unwrap(), MemoryStoreConfig::default());
    let small = MemoryStoreConfig::default().records(5).evict_oldest(true);
    let text = r#"{"records": 5, "evict_oldest": true}"#;
    assert_eq!(read(text).unwrap(), small);
    assert!(read(r#"{"record": 5}"#).is_err());
    assert!(read(r#"{"records": -1}"#).is_err());
}
