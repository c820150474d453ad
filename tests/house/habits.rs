//! Habits that no lint holds: features, the clock, atomics, sleeping tests.

use crate::Fault;
use crate::source::{Kind, Source, Token, Tree, follows, group};

pub(crate) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults: Vec<_> = tree.product().flat_map(features).collect();
    faults.extend(tree.product().flat_map(words));
    faults.extend(tree.product().filter_map(orderings));
    faults.extend(tree.product().flat_map(conditions));
    faults.extend(tree.sources.iter().flat_map(sleepers));
    faults
}

/// A feature gates modules, and nothing smaller.
fn features(file: &Source) -> Vec<Fault> {
    let tokens = &file.tokens;
    let names_feature = |part: &[Token]| part.iter().any(|token| token.word() == Some("feature"));
    let mut faults = Vec::new();
    let mut fault = |line| {
        let what = "a feature gates something smaller than a module".to_owned();
        let remedy = "gate the `mod` line; give what differs a module of its own";
        faults.push(Fault::new(&file.path, line, what, remedy));
    };
    for at in 0..tokens.len() {
        let rest = &tokens[at..];
        if follows(rest, "cfg ! (") && names_feature(&rest[..2 + group(&rest[2..])]) {
            fault(tokens[at].line);
        }
        let hash = 1 + usize::from(follows(rest, "# !"));
        if !follows(rest, "#") {
            continue;
        }
        let attribute = &rest[..hash + group(&rest[hash..])];
        let is_cfg = follows(&rest[hash..], "[ cfg") || follows(&rest[hash..], "[ cfg_attr");
        let is_crate_wide = file.module() == "lib" && hash == 2;
        let is_serde = follows(&rest[hash..], "[ cfg_attr ( feature =")
            && rest.get(hash + 5).map(|token| &token.kind) == Some(&Kind::Text("serde".to_owned()));
        let exempt = is_crate_wide || is_serde || gates_module(file, &rest[attribute.len()..]);
        if is_cfg && names_feature(attribute) && !exempt {
            fault(tokens[at].line);
        }
    }
    faults
}

/// Whether what follows an attribute is, after further attributes, a `mod` line; or in a door the
/// `use` of what is in that module.
fn gates_module(file: &Source, tokens: &[Token]) -> bool {
    let mut rest = tokens;
    loop {
        if follows(rest, "#") || follows(rest, "pub (") {
            rest = &rest[1 + group(&rest[1..])..];
        } else if follows(rest, "pub") {
            rest = &rest[1..];
        } else {
            return follows(rest, "mod") || (file.stem() == "mod" && follows(rest, "use"));
        }
    }
}

/// Words that have one place only, or none.
fn words(file: &Source) -> Vec<Fault> {
    let rules = [
        (
            "unsafe",
            "",
            "write it without; the compiler forbids it as well",
        ),
        (
            "Instant : : now",
            "src/time.rs",
            "take `now` as an argument; services read `crate::time::now()`",
        ),
        (
            "std : : time : : Instant",
            "",
            "use `crate::time::Instant`, which a paused clock stops",
        ),
        (
            "SystemTime",
            "src/http/",
            "a wall clock may step: decide by `crate::time`",
        ),
        (
            "std : : sync : : atomic",
            "src/sync.rs",
            "use `crate::sync::atomic`, which loom replaces",
        ),
        ("thread : : sleep", "", "use tokio's time"),
    ];
    let tokens = file.untested();
    let mut faults = Vec::new();
    for (word, place, remedy) in rules {
        let is_home = !place.is_empty() && file.path.starts_with(place);
        for at in (0..tokens.len()).filter(|_| !is_home) {
            if follows(&tokens[at..], word) {
                let what = format!("`{}` stands here", word.replace(' ', ""));
                faults.push(Fault::new(&file.path, tokens[at].line, what, remedy));
            }
        }
    }
    faults
}

/// A file that orders atomics says why.
fn orderings(file: &Source) -> Option<Fault> {
    let levels = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];
    let tokens = file.untested();
    let at = (0..tokens.len()).find(|&at| {
        let level = tokens.get(at + 3).and_then(Token::word);
        follows(&tokens[at..], "Ordering : :") && level.is_some_and(|level| levels.contains(&level))
    })?;
    let is_reason = |line: &str| line.trim_start().starts_with("//") && line.contains("Ordering");
    (!file.text.lines().any(is_reason)).then(|| {
        let what = "an ordering without its reason".to_owned();
        let remedy = "add `// Ordering: ...`: the partner it pairs with, or why Relaxed suffices";
        Fault::new(&file.path, tokens[at].line, what, remedy)
    })
}

/// Conditions that the installed Rust reads and our minimum does not: a `let` beside `&&` (1.88), and
/// a `let` in the guard of a match arm (1.95). Clippy's `incompatible_msrv` knows the library only.
fn conditions(file: &Source) -> Vec<Fault> {
    let tokens = &file.tokens;
    let mut faults = Vec::new();
    for at in 0..tokens.len() {
        let rest = &tokens[at..];
        if !follows(rest, "if") && !follows(rest, "while") {
            continue;
        }
        let ends = |rest: &[Token]| {
            follows(rest, "= >")
                || ['{', '}', ')', ']', ';']
                    .iter()
                    .any(|&mark| rest[0].is(mark))
        };
        let (mut has_let, mut has_and, mut next) = (false, false, 1);
        while next < rest.len() && !ends(&rest[next..]) {
            has_let |= follows(&rest[next..], "let");
            has_and |= follows(&rest[next..], "& &");
            next += group(&rest[next..]);
        }
        let is_guard = !follows(&rest[next..], "{");
        if has_let && (has_and || is_guard) {
            let what = "a condition that our minimum Rust cannot read".to_owned();
            let remedy = "nest the `if`s, or match on a tuple";
            faults.push(Fault::new(&file.path, tokens[at].line, what, remedy));
        }
    }
    faults
}

/// No test sleeps in real time: what sleeps has a paused clock.
fn sleepers(file: &Source) -> Vec<Fault> {
    let tokens = &file.tokens;
    let mut faults = Vec::new();
    for at in 0..tokens.len() {
        let rest = &tokens[at..];
        if !follows(rest, "# [ tokio : : test") {
            continue;
        }
        let attribute = 1 + group(&rest[1..]);
        let is_paused = rest[..attribute]
            .iter()
            .any(|token| token.word() == Some("start_paused"));
        let body = rest.iter().position(|token| token.is('{'));
        let body = body.map_or(&[][..], |body| &rest[body..body + group(&rest[body..])]);
        let sleeps = |token: &&Token| {
            let sleeping = ["sleep", "sleep_until", "interval"];
            token.word().is_some_and(|word| sleeping.contains(&word))
        };
        if let Some(token) = body.iter().find(sleeps).filter(|_| !is_paused) {
            let what = "a test sleeps in real time".to_owned();
            let remedy = "write `#[tokio::test(start_paused = true)]`";
            faults.push(Fault::new(&file.path, token.line, what, remedy));
        }
    }
    faults
}
