//! What the pages claim: metrics, modules, files and links that they name exist.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::Fault;
use crate::floors;
use crate::source::{Kind, Page, Source, Tree, follows};

const INSTRUMENTS: &[(&str, &str)] = &[
    ("counter", "_total"),
    ("counter_by", "_total"),
    ("gauge", ""),
    ("gauge_by", ""),
    ("histogram", "_seconds"),
];

/// Words of our prefix that are no metrics.
const NO_METRICS: &[&str] = &["mainstay_loom"];

pub(crate) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults: Vec<_> = tree.product().flat_map(instruments).collect();
    faults.extend(undocumented(tree));
    faults.extend(unknown_metrics(tree));
    faults.extend(tree.pages.iter().flat_map(|page| paths(tree, page)));
    faults.extend(tree.pages.iter().flat_map(|page| links(tree, page)));
    faults.extend(tree.pages.iter().flat_map(modules));
    faults
}

/// A metric is named `mainstay_<thing>_<unit|total>`.
fn instruments(file: &Source) -> Vec<Fault> {
    let tokens = file.untested();
    let mut faults = Vec::new();
    for at in 0..tokens.len() {
        for (instrument, unit) in INSTRUMENTS {
            let Some(Kind::Text(metric)) = tokens.get(at + 3).map(|token| &token.kind) else {
                continue;
            };
            let is_ours = metric.starts_with("mainstay_") && metric.ends_with(unit);
            if follows(&tokens[at..], &format!(". {instrument} (")) && !is_ours {
                let what = format!("a {instrument} is called `{metric}`");
                let remedy =
                    "name it `mainstay_<thing>`, a counter `.._total`, a histogram `.._seconds`";
                faults.push(Fault::new(&file.path, tokens[at + 3].line, what, remedy));
            }
        }
    }
    faults
}

/// Every metric, with the file and line that names it.
fn metrics(tree: &Tree) -> BTreeMap<&str, (&Source, usize)> {
    let mut metrics = BTreeMap::new();
    for file in tree.product() {
        for token in file.untested() {
            if let Kind::Text(text) = &token.kind
                && text.starts_with("mainstay_")
            {
                metrics.insert(text.as_str(), (file, token.line));
            }
        }
    }
    metrics
}

fn undocumented(tree: &Tree) -> Vec<Fault> {
    let metrics = metrics(tree).into_iter();
    let missing = metrics.filter(|(metric, (file, _))| {
        let own = format!("src/{}/mod.rs", file.module());
        let mut doors = tree
            .product()
            .filter(|door| door.path == own || door.path == "src/telemetry/mod.rs");
        !doors.any(|door| {
            door.doc()
                .any(|(_, text)| words(text).any(|word| word == *metric))
        })
    });
    missing
        .map(|(metric, (file, line))| {
            let what = format!("`{metric}` is on no page");
            let remedy = "list it under Telemetry in the docs of the module's mod.rs";
            Fault::new(&file.path, line, what, remedy)
        })
        .collect()
}

fn unknown_metrics(tree: &Tree) -> Vec<Fault> {
    let metrics = metrics(tree);
    let mut claims: Vec<(&str, usize, &str)> = Vec::new();
    for file in tree.product() {
        claims.extend(
            file.doc()
                .map(|(line, text)| (file.path.as_str(), line, text)),
        );
    }
    for page in &tree.pages {
        claims.extend(lines(page).map(|(line, text)| (page.path.as_str(), line, text)));
    }
    let mut faults = Vec::new();
    for (path, line, text) in claims {
        let named =
            words(text).filter(|word| word.starts_with("mainstay_") && !word.ends_with('_'));
        for word in named.filter(|word| !metrics.contains_key(word) && !NO_METRICS.contains(word)) {
            let what = format!("no code counts `{word}`");
            let remedy = "correct the page, or the metric";
            faults.push(Fault::new(path, line, what, remedy));
        }
    }
    faults
}

fn paths(tree: &Tree, page: &Page) -> Vec<Fault> {
    let roots = ["src/", "tests/", "examples/", "benches/", "docs/", ".ci/"];
    let is_path = |letter: char| letter.is_alphanumeric() || "_-./".contains(letter);
    let mut faults = Vec::new();
    for (line, text) in lines(page) {
        let named = text.split(|letter| !is_path(letter));
        let named = named.filter(|path| roots.iter().any(|root| path.starts_with(root)));
        let named = named.map(|path| path.trim_end_matches(['.', '/']));
        for path in named.filter(|path| !tree.paths.contains(*path)) {
            let what = format!("there is no `{path}`");
            faults.push(Fault::new(
                &page.path,
                line,
                what,
                "name the file as it is now",
            ));
        }
    }
    faults
}

fn links(tree: &Tree, page: &Page) -> Vec<Fault> {
    let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
    let mut faults = Vec::new();
    for (line, text) in lines(page) {
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        let targets = targets.filter(|target| !target.contains(':') && !target.starts_with('#'));
        for target in targets.map(|target| target.split('#').next().unwrap_or(target)) {
            if !tree.paths.contains(&normal(&folder.join(target))) {
                let what = format!("the link to `{target}` leads nowhere");
                faults.push(Fault::new(&page.path, line, what, "link to what exists"));
            }
        }
    }
    faults
}

fn normal(path: &Path) -> String {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = whole.pop(),
            Component::CurDir => {}
            other => whole.push(other),
        }
    }
    whole.to_string_lossy().into_owned()
}

fn modules(page: &Page) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (line, text) in lines(page) {
        let named = text
            .split("mainstay::")
            .skip(1)
            .filter_map(|rest| words(rest).next());
        let named = named.filter(|word| word.starts_with(char::is_lowercase));
        for module in named.filter(|module| floors::of(module).is_none()) {
            let what = format!("there is no module `mainstay::{module}`");
            faults.push(Fault::new(
                &page.path,
                line,
                what,
                "name the module as it is now",
            ));
        }
    }
    faults
}

fn lines(page: &Page) -> impl Iterator<Item = (usize, &str)> {
    page.text.lines().zip(1..).map(|(text, line)| (line, text))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
}
