//! What `docs/coordination.md` says in numbers.

use std::time::Duration;

use mainstay::coordination::{Due, FencingToken, Grant, Moment, Tenure, Timing, TimingConfig};

const PAGE: &str = include_str!("../../docs/coordination.md");

/// The cells of the rows that begin with a time.
fn rows() -> Vec<Vec<&'static str>> {
    let rows = PAGE.lines().map(|line| {
        let cells = line.trim_matches('|').split('|');
        cells.map(str::trim).collect::<Vec<_>>()
    });
    rows.filter(|cells| cells.len() == 5 && cells[0].ends_with('s') && time(cells[0]).is_some())
        .collect()
}

fn time(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_once(' ')?;
    let number: f64 = number.parse().ok()?;
    match unit {
        "s" => Some(Duration::from_secs_f64(number)),
        "ms" => Some(Duration::from_secs_f64(number / 1000.0)),
        _ => None,
    }
}

/// Without jitter: half of its range.
const EVEN: u64 = 1 << 63;

#[test]
fn the_table_of_times_is_what_the_code_makes_of_them() {
    let rows = rows();
    assert_eq!(rows.len(), 5, "{rows:?}");
    for row in rows {
        let (ttl, margin) = (time(row[0]).unwrap(), time(row[1]).unwrap());
        let drift = row[2].parse().unwrap();
        let config = TimingConfig::default().ttl(ttl).margin(margin).drift(drift);
        let timing = Timing::new(config).unwrap();
        let told = time(row[3]).unwrap();
        let held = timing.held();
        assert!(
            held.abs_diff(told) <= Duration::from_millis(1) && told >= held,
            "{row:?}: {held:?}"
        );
        let ends = Moment::ORIGIN.after(ttl);
        let grant = Grant {
            token: FencingToken::FIRST,
            usable_until: ends.before(margin),
            ends,
        };
        let mut tenure = Tenure::new(timing, grant, EVEN);
        let mut renewals = 0;
        while let Some(at) = tenure.wakes() {
            renewals += u32::from(tenure.due(at, EVEN) == Some(Due::Renew));
        }
        assert_eq!(renewals.to_string(), row[4], "{row:?}");
    }
}
