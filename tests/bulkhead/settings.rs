//! Settings as data.

use mainstay::Ratio;
use mainstay::bulkhead::{BulkheadConfig, Order};

#[test]
fn settings_are_read_by_name_what_is_left_out_is_the_default_and_what_is_unknown_an_error() {
    let written = r#"{ "concurrency": 7, "order": { "lifo_under_backlog": 0.5 } }"#;
    let read: BulkheadConfig = serde_json::from_str(written).unwrap();
    let half = Order::LifoUnderBacklog(Ratio::percent(50).unwrap());
    assert_eq!(read, BulkheadConfig::default().concurrency(7).order(half));
    let again = serde_json::to_string(&read).unwrap();
    assert_eq!(
        serde_json::from_str::<BulkheadConfig>(&again).unwrap(),
        read
    );
    assert!(serde_json::from_str::<BulkheadConfig>(r#"{ "concurency": 7 }"#).is_err());
}
