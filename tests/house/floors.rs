//! The floors: who may name whom.

use crate::Fault;
use crate::source::{Source, Token, Tree, follows, group};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Floor {
    Ground,
    Kit,
    Pattern,
    Adapter,
    Stack,
}

/// Every module at the root of the crate.
pub(crate) const FLOORS: &[(&str, Floor)] = &[
    ("classify", Floor::Ground),
    ("context", Floor::Ground),
    ("error", Floor::Ground),
    ("name", Floor::Ground),
    ("ratio", Floor::Ground),
    ("rng", Floor::Ground),
    ("sync", Floor::Ground),
    ("telemetry", Floor::Ground),
    ("time", Floor::Ground),
    ("timer", Floor::Ground),
    ("test_util", Floor::Kit),
    ("breaker", Floor::Pattern),
    ("bulkhead", Floor::Pattern),
    ("coordination", Floor::Pattern),
    ("deadline", Floor::Pattern),
    ("idempotency", Floor::Pattern),
    ("retry", Floor::Pattern),
    ("timeout", Floor::Pattern),
    ("trace", Floor::Pattern),
    ("grpc", Floor::Adapter),
    ("http", Floor::Adapter),
    ("stack", Floor::Stack),
];

pub(crate) fn of(module: &str) -> Option<Floor> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, floor)| *floor)
}

/// Whether what stands on one floor may name another module that stands on `below`.
const fn may_name(floor: Floor, below: Floor) -> bool {
    match floor {
        Floor::Ground | Floor::Kit | Floor::Pattern => matches!(below, Floor::Ground),
        Floor::Adapter => matches!(below, Floor::Ground | Floor::Pattern),
        Floor::Stack => !matches!(below, Floor::Kit),
    }
}

pub(crate) fn check(tree: &Tree) -> Vec<Fault> {
    tree.product().flat_map(check_file).collect()
}

fn check_file(file: &Source) -> Vec<Fault> {
    let module = file.module();
    if module == "lib" {
        return check_root(file);
    }
    let fault = |line, what: String, remedy| Fault::new(&file.path, line, what, remedy);
    let Some(floor) = of(module) else {
        let remedy = "give it a floor in tests/house/floors.rs";
        return vec![fault(1, format!("`{module}` stands on no floor"), remedy)];
    };
    let mut faults = Vec::new();
    for (line, named) in named(file) {
        let what = format!("`{module}` names `crate::{named}`");
        match of(&named) {
            _ if named == module => {}
            // gRPC stands on HTTP.
            Some(Floor::Adapter) if module == "grpc" && named == "http" => {}
            // What is compiled for tests alone may use the kit for tests.
            Some(Floor::Kit) if file.is_in_a_room_of_tests() => {}
            // What the root re-exports is the ground's.
            None if named.starts_with(char::is_uppercase) => {}
            Some(below) if may_name(floor, below) => {}
            Some(below) => faults.push(fault(
                line,
                format!("{what}: {floor:?} may not stand on {below:?}"),
                "what two modules need belongs a floor lower: move it down",
            )),
            None => faults.push(fault(
                line,
                format!("{what}, which is no module"),
                "name the module that the item lives in",
            )),
        }
    }
    faults.extend(past_the_module(file));
    faults
}

/// The root re-exports the ground alone, so that `mainstay::X` never depends on a feature.
fn check_root(file: &Source) -> Vec<Fault> {
    let tokens = &file.tokens;
    let exports = (0..tokens.len()).filter(|&at| follows(&tokens[at..], "pub use"));
    let named = exports.filter_map(|at| tokens.get(at + 2));
    named
        .filter(|token| token.word().and_then(of) != Some(Floor::Ground))
        .map(|token| {
            let what = format!("the root re-exports from {:?}", token.word());
            let remedy = "re-export only the ground; the rest is named by its module";
            Fault::new(&file.path, token.line, what, remedy)
        })
        .collect()
}

/// The modules that a file names by `crate::`, or by `super::` where that is the root.
fn named(file: &Source) -> Vec<(usize, String)> {
    let depth = file.path.matches('/').count();
    let is_in_root = depth == 1 || (depth == 2 && file.stem() == "mod");
    let untested = file.untested().len();
    let mut named = Vec::new();
    for at in 0..file.tokens.len() {
        let rest = &file.tokens[at..];
        if follows(rest, "crate : :") || (at < untested && is_in_root && follows(rest, "super : :"))
        {
            named.extend(heads(&rest[3..]));
        }
    }
    named
}

/// The first word of a path, or of each path in a group.
fn heads(tokens: &[Token]) -> Vec<(usize, String)> {
    let head = |token: &Token| Some((token.line, token.word()?.to_owned()));
    let Some(first) = tokens.first() else {
        return Vec::new();
    };
    if !first.is('{') {
        return head(first).into_iter().collect();
    }
    let mut heads = Vec::new();
    let mut at = 1;
    while at < group(tokens) {
        heads.extend(head(&tokens[at]));
        while !tokens[at].is(',') && !tokens[at].is('}') {
            at += group(&tokens[at..]);
        }
        at += 1;
    }
    heads
}

/// Paths on which the floors cannot be read.
fn past_the_module(file: &Source) -> impl Iterator<Item = Fault> {
    let tokens = file.untested();
    let supers = (0..tokens.len())
        .filter(|&at| follows(&tokens[at..], "super : : super"))
        .map(|at| (tokens[at].line, "super::super"));
    let itself = (0..file.tokens.len())
        .filter(|&at| follows(&file.tokens[at..], "mainstay : :"))
        .map(|at| (file.tokens[at].line, "mainstay::"));
    supers.chain(itself).map(|(line, path)| {
        let what = format!("a path goes through `{path}`");
        Fault::new(&file.path, line, what, "write it from `crate::`")
    })
}
