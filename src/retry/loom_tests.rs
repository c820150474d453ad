//! Every interleaving of two threads on the types that hold atomics.

use std::time::Duration;

use loom::sync::Arc;
use loom::thread;

use super::record::Record;
use super::settings::Settings;
use super::{Nested, RetryConfig, Stop};
use crate::telemetry::Scope;

#[test]
fn loom_no_count_is_lost() {
    loom::model(|| {
        let record = Arc::new(Record::new(Scope::new("retry", "test".into())));
        let twin = Arc::clone(&record);
        let other = thread::spawn(move || twin.stopped(Stop::Budget));
        record.stopped(Stop::Budget);
        other.join().unwrap();
        assert_eq!(record.snapshot().stops(Stop::Budget), 2);
    });
}

#[test]
fn loom_two_who_set_leave_the_settings_of_one() {
    loom::model(|| {
        let one = RetryConfig::default().attempts(1).nested(Nested::Retry);
        let two = RetryConfig::default()
            .attempts(2)
            .elapsed_max(Duration::ZERO);
        let settings = Arc::new(Settings::new(one.clone()));
        let twin = Arc::clone(&settings);
        let other = thread::spawn(move || twin.set(two));
        settings.set(one.clone());
        let seen = settings.start();
        assert_eq!(seen.attempts == 1, !seen.passes, "one word, one setting");
        other.join().unwrap();
        let (start, config) = (settings.start(), settings.config());
        assert_eq!(start.attempts == 1, config == one);
        assert_eq!(start.elapsed_max.is_none(), config == one);
    });
}
