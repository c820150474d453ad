//! Means with their spread over seeds.

/// What several runs gave: the mean, the smallest and the largest.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

impl Stat {
    /// Of the values that are numbers; `None` where no run gave one.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let low = values.iter().copied().reduce(f64::min)?;
        let high = values.iter().copied().reduce(f64::max)?;
        Some(Self { mean, low, high })
    }
}

/// The value below which `share` of the sorted `values` lie.
pub fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share).round() as usize).copied()
}
