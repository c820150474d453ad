//! Which goals are met.

use std::fmt::Write;

use super::number;
use crate::cases::OURS;
use crate::driver::Times;
use crate::goals::{ALLOCATIONS, FLAT, FUTURE, GOALS};

fn verdict(is_met: bool, name: &str, tail: &str) -> &'static str {
    if is_met {
        return "met";
    }
    if !tail.contains(name) {
        eprintln!("missed, and without a reason on the page: {name}");
    }
    "**missed**"
}

pub fn add(page: &mut String, times: &Times, tail: &str) {
    line!(page, "\n## Goals\n");
    line!(
        page,
        "The ratio of our median to the other's, the median of the rounds' ratios. A goal is met when all four are"
    );
    line!(
        page,
        "within it. *Over the floor* means that what the HTTP request itself costs was taken off from both.\n"
    );
    line!(page, "| Goal | at most | {} | |", OURS.join(" | "));
    line!(page, "|---|--:|--:|--:|--:|--:|---|");
    for goal in GOALS {
        let Some(ratios) = goal.ratios(times) else {
            line!(
                page,
                "| {} | {:.2} | — | — | — | — | not measured |",
                goal.name(),
                goal.most
            );
            continue;
        };
        let is_met = ratios.iter().all(|ratio| *ratio <= goal.most);
        let cells = ratios.map(|ratio| format!("{ratio:.2}")).join(" | ");
        let verdict = verdict(is_met, &goal.name(), tail);
        line!(
            page,
            "| {} | {:.2} | {cells} | {verdict} |",
            goal.name(),
            goal.most
        );
    }
    let row = |page: &mut String, name: &str, most: f64, figure: &dyn Fn(&str) -> Option<f64>| {
        let figures = OURS.map(figure);
        if figures.iter().any(Option::is_none) {
            line!(page, "| {name} | {most} | — | — | — | — | not measured |");
            return;
        }
        let figures = figures.map(Option::unwrap_or_default);
        let cells = figures.map(|figure| number(Some(figure))).join(" | ");
        let is_met = figures.iter().all(|figure| *figure <= most);
        line!(
            page,
            "| {name} | {most} | {cells} | {} |",
            verdict(is_met, name, tail)
        );
    };
    let (flat, most) = FLAT;
    row(
        page,
        &format!("{flat}, 2 threads by 1 thread"),
        most,
        &|who| {
            let name = format!("{flat}/{who}");
            let two = times.median(&name, |sample| sample.median_of_two)?;
            Some(two / times.median(&name, |sample| sample.median)?)
        },
    );
    for (what, floor, most) in ALLOCATIONS {
        row(page, &format!("{what}, allocations"), *most, &|who| {
            let count = |name: &str| times.median(name, |sample| sample.allocations);
            let floor = floor.map_or(Some(0.0), count)?;
            Some(count(&format!("{what}/{who}"))? - floor)
        });
    }
    let (what, most) = FUTURE;
    row(page, &format!("{what}, bytes of a future"), most, &|who| {
        times.median(&format!("{what}/{who}"), |sample| sample.future)
    });
}
