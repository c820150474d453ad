//! The rooms: a pattern is a folder of the same files, and its door holds nothing.

use crate::Fault;
use crate::floors::{self, FLOORS, Floor};
use crate::source::{Source, Tree, follows, group};

/// The rooms that any pattern may have.
const ROOMS: &[&str] = &[
    "mod", "config", "policy", "layer", "service", "future", "handle",
];

/// The rooms that a pattern has besides; each is a noun of its trade.
const NOUNS: &[(&str, &[&str])] = &[
    (
        "breaker",
        &[
            "circuit",
            "dials",
            "epoch",
            "gate",
            "open_time",
            "passage",
            "permit",
            "probation",
            "ramp",
            "refusal",
            "ruling",
            "settle",
            "shared",
            "source",
            "state",
            "wait",
            "watch",
            "window",
        ],
    ),
    (
        "bulkhead",
        &["gate", "hold", "permit", "semaphore", "waiters"],
    ),
    (
        "coordination",
        &[
            "acceptor",
            "ballot",
            "clock",
            "election",
            "fencing",
            "gate",
            "leader",
            "lease",
            "members",
            "message",
            "moment",
            "proposer",
            "quorum",
            "refusal",
            "rules",
            "simulator",
            "store",
            "tenure",
            "timing",
            "token",
            "wire",
        ],
    ),
    (
        "deadline",
        &[
            "client", "cover", "message", "record", "server", "share", "wire",
        ],
    ),
    (
        "idempotency",
        &[
            "call",
            "capture",
            "claim",
            "client",
            "conformance",
            "execution",
            "key",
            "limit",
            "memory",
            "messages",
            "prepare",
            "refusal",
            "scope",
            "shared",
            "store",
            "stored",
            "wait",
        ],
    ),
    (
        "retry",
        &[
            "account", "backoff", "budget", "ends", "record", "replay", "settings", "stop",
        ],
    ),
    ("timeout", &["limit"]),
    (
        "trace",
        &["client", "normalize", "origin", "sampler", "server"],
    ),
];

const NO_NAMES: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];

const LINES: usize = 400;

pub(crate) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults: Vec<_> = tree.product().filter_map(room).collect();
    faults.extend(tree.product().filter_map(door));
    faults.extend(tree.sources.iter().filter_map(size));
    faults.extend(missing_doors(tree));
    faults
}

/// Every file and folder of a pattern is a room that the pattern may have; what is in a room is its own.
fn room(file: &Source) -> Option<Fault> {
    let fault = |what, remedy| Some(Fault::new(&file.path, 1, what, remedy));
    let mut rooms = file.path.trim_end_matches(".rs").split('/').skip(1);
    let module = rooms.next()?;
    if rooms
        .clone()
        .chain([module])
        .any(|room| NO_NAMES.contains(&room))
    {
        let what = "a name that says nothing".to_owned();
        return fault(what, "name it for what it holds");
    }
    if floors::of(module) != Some(Floor::Pattern) {
        return None;
    }
    let nouns = NOUNS.iter().find(|(pattern, _)| *pattern == module);
    let nouns = nouns.map_or(&[][..], |(_, nouns)| nouns);
    let is_known =
        |room: &str| ROOMS.contains(&room) || nouns.contains(&room) || room.ends_with("tests");
    let stray = rooms.next().filter(|room| !is_known(room))?;
    fault(
        format!("`{module}` has no room `{stray}`"),
        "use a room that it has, or add the noun to tests/house/rooms.rs",
    )
}

fn missing_doors(tree: &Tree) -> impl Iterator<Item = Fault> {
    let patterns = FLOORS.iter().filter(|(_, floor)| *floor == Floor::Pattern);
    let doors = patterns.map(|(pattern, _)| format!("src/{pattern}/mod.rs"));
    doors.filter(|door| !tree.paths.contains(door)).map(|door| {
        let what = "a pattern without a door".to_owned();
        Fault::new(
            &door,
            1,
            what,
            "a pattern is a folder, and its docs are in mod.rs",
        )
    })
}

/// A `mod.rs` holds docs, `mod` and `use`, and nothing else.
fn door(file: &Source) -> Option<Fault> {
    if file.stem() != "mod" {
        return None;
    }
    let tokens = &file.tokens;
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        let begins = |start| follows(rest, start);
        if begins("#") {
            let hash = 1 + usize::from(begins("# !"));
            at += hash + group(&rest[hash..]);
        } else if begins("pub (") {
            at += 1 + group(&rest[1..]);
        } else if begins("pub") {
            at += 1;
        } else if begins("use") || (begins("mod") && rest.get(2).is_some_and(|end| end.is(';'))) {
            at += rest.iter().take_while(|token| !token.is(';')).count() + 1;
        } else {
            let what = "a door holds more than docs, `mod` and `use`".to_owned();
            let remedy = "move it to the room it belongs to";
            return Some(Fault::new(&file.path, tokens[at].line, what, remedy));
        }
    }
    None
}

fn size(file: &Source) -> Option<Fault> {
    let lines = file.text.lines().count();
    (lines > LINES).then(|| {
        let what = format!("{lines} lines; {LINES} are the most");
        Fault::new(
            &file.path,
            lines,
            what,
            "find the second thing in it and give it a room",
        )
    })
}
