//! A figure's numbers as a CSV file.

use std::fmt::Write as _;
use std::path::Path;

use crate::sim::Done;
use crate::stat::Stat;

/// One row for each series, place and measure: mean, smallest and largest over the seeds.
pub struct Table {
    text: String,
    seeds: u64,
}

impl Table {
    /// `x` names the place of a row, with its unit.
    pub fn new(x: &str, seeds: u64) -> Self {
        Self {
            text: format!("series,{x},measure,mean,min,max,seeds\n"),
            seeds,
        }
    }

    pub fn row(&mut self, series: &str, x: f64, measure: &str, stat: Option<Stat>) {
        let seeds = self.seeds;
        let _ = match stat {
            Some(Stat { mean, low, high }) => writeln!(
                self.text,
                "\"{series}\",{x},{measure},{mean:.4},{low:.4},{high:.4},{seeds}"
            ),
            None => writeln!(self.text, "\"{series}\",{x},{measure},,,,{seeds}"),
        };
    }

    pub fn write(&self, folder: &Path, name: &str) -> Done {
        Ok(std::fs::write(
            folder.join(format!("{name}.csv")),
            &self.text,
        )?)
    }
}
