//! Holds the rules of the house that no lint can: floors, rooms, sizes, features, the clock, and that
//! what the pages name exists. ARCHITECTURE.md says why each is there.

use std::fmt;
use std::path::Path;

#[path = "house/claims.rs"]
mod claims;
#[path = "house/floors.rs"]
mod floors;
#[path = "house/habits.rs"]
mod habits;
#[path = "house/rooms.rs"]
mod rooms;
#[path = "house/source.rs"]
mod source;

use source::Tree;

/// A place where a rule is broken, and what to do about it.
struct Fault {
    path: String,
    line: usize,
    what: String,
    remedy: &'static str,
}

impl Fault {
    fn new(path: &str, line: usize, what: String, remedy: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what,
            remedy,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}; {}",
            self.path, self.line, self.what, self.remedy
        )
    }
}

fn faults(tree: &Tree) -> Vec<String> {
    let rules = [floors::check, rooms::check, habits::check, claims::check];
    let faults = rules.iter().flat_map(|check| check(tree));
    faults.map(|fault| fault.to_string()).collect()
}

#[test]
fn the_house_is_in_order() {
    let tree = Tree::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(tree.product().count() > 30, "the sources were not found");
    let faults = faults(&tree);
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// A house in order with `path` in it, whose faults must be `expected`, each by its beginning.
fn with(path: &str, text: &str, expected: &[&str]) {
    let mut tree = Tree::default();
    for pattern in [
        "breaker",
        "bulkhead",
        "coordination",
        "deadline",
        "idempotency",
        "retry",
        "timeout",
        "trace",
    ] {
        let door = format!("src/{pattern}/mod.rs");
        if door != path {
            tree.add(
                &door,
                "//! | `mainstay_known_total` | known |\nmod policy;\n",
            );
        }
    }
    tree.add("src/telemetry/mod.rs", "//! `mainstay_known_total`");
    tree.add(
        "src/telemetry/calls.rs",
        "fn f() { s.counter(\"mainstay_known_total\") }",
    );
    tree.add(path, text);
    let faults = faults(&tree);
    let agree = faults.len() == expected.len()
        && std::iter::zip(&faults, expected).all(|(fault, start)| fault.starts_with(start));
    assert!(
        agree,
        "{path}: {text}\nfound {faults:#?}\nexpected {expected:#?}"
    );
}

#[test]
fn a_pattern_that_names_another_is_caught_however_it_is_written() {
    let file = "src/retry/policy.rs";
    with(
        file,
        "use crate::breaker::State;",
        &["src/retry/policy.rs:1: `retry` names `crate::breaker`"],
    );
    with(
        file,
        "\nfn f(x: crate::http::X) {}",
        &["src/retry/policy.rs:2: `retry` names `crate::http`"],
    );
    with(
        file,
        "use crate::{error::{Kind, X},\n time::now, timeout};",
        &["src/retry/policy.rs:2: `retry` names `crate::timeout`"],
    );
    with(
        file,
        "use super::super::timeout;",
        &["src/retry/policy.rs:1: a path goes through"],
    );
    with(
        "src/retry/mod.rs",
        "use super::timeout;",
        &["src/retry/mod.rs:1: `retry` names"],
    );
    with(
        file,
        "#[cfg(test)]\nmod tests {\n use crate::timeout::T;\n use super::super::X; }",
        &["src/retry/policy.rs:3: `retry` names `crate::timeout`"],
    );
    with(file, "use crate::error::Kind; // not crate::timeout", &[]);
}

#[test]
fn the_ground_the_kit_and_the_root_stay_where_they_are() {
    with(
        "src/time.rs",
        "use crate::retry::R;",
        &["src/time.rs:1: `time` names `crate::retry`"],
    );
    with(
        "src/test_util/probe.rs",
        "use crate::retry::R;",
        &["src/test_util/probe.rs:1: `test_util` names"],
    );
    let uses_the_kit = "use crate::test_util::Probe;";
    with("src/retry/random_tests/world.rs", uses_the_kit, &[]);
    with("src/retry/tests.rs", uses_the_kit, &[]);
    with(
        "src/retry/policy.rs",
        uses_the_kit,
        &["src/retry/policy.rs:1: `retry` names"],
    );
    with("src/retry/policy.rs", "use crate::Kind;", &[]);
    with(
        "src/retry/policy.rs",
        "use crate::gone;",
        &["src/retry/policy.rs:1: `retry` names"],
    );
    with(
        "src/stray.rs",
        "",
        &["src/stray.rs:1: `stray` stands on no floor"],
    );
    with(
        "src/lib.rs",
        "pub use error::Kind;\npub use retry::R;",
        &["src/lib.rs:2: the root re-exports"],
    );
    with(
        "src/time.rs",
        "use mainstay::Kind;",
        &["src/time.rs:1: a path goes through `mainstay::`"],
    );
    with("src/http/retry.rs", "use crate::retry::R;", &[]);
}

#[test]
fn rooms_doors_and_sizes_are_held() {
    with(
        "src/retry/stuff.rs",
        "",
        &["src/retry/stuff.rs:1: `retry` has no room `stuff`"],
    );
    with(
        "src/retry/limit.rs",
        "",
        &["src/retry/limit.rs:1: `retry` has no room `limit`"],
    );
    with("src/retry/budget/token.rs", "", &[]);
    with(
        "src/error/utils.rs",
        "",
        &["src/error/utils.rs:1: a name that says nothing"],
    );
    with("src/retry/policy_tests.rs", "", &[]);
    with(
        "src/retry/mod.rs",
        "//! Docs.\n#[cfg(test)]\nmod a;\npub(crate) use a::{B, C};\nfn f() {}",
        &["src/retry/mod.rs:5: a door holds more"],
    );
    with(
        "src/retry/mod.rs",
        "mod a {}",
        &["src/retry/mod.rs:1: a door holds more"],
    );
    with(
        "tests/long.rs",
        &"\n".repeat(401),
        &["tests/long.rs:401: 401 lines"],
    );
    with("tests/long.rs", &"\n".repeat(400), &[]);

    let empty = faults(&Tree::default());
    assert_eq!(empty.len(), 8, "patterns without a door: {empty:?}");
}

#[test]
fn a_feature_gates_modules_only() {
    let file = "src/retry/policy.rs";
    let said = &["src/retry/policy.rs:1: a feature gates something smaller"];
    with(file, "#[cfg(feature = \"x\")]\nfn f() {}", said);
    with(
        file,
        "#[cfg(all(test, feature = \"x\"))]\npub use a::B;",
        said,
    );
    with(file, "fn f() { if cfg!(feature = \"x\") {} }", said);
    with(
        file,
        "#[cfg_attr(feature = \"x\", derive(Debug))] struct S;",
        said,
    );
    with(
        file,
        "#[cfg_attr(feature = \"serde\", derive(D))] struct S;",
        &[],
    );
    with(
        "src/http/mod.rs",
        "#[cfg(feature = \"x\")]\npub use a::B;",
        &[],
    );
    with(
        file,
        "#[cfg(feature = \"x\")]\n#[path = \"a\"]\npub(crate) mod a;",
        &[],
    );
}

#[test]
fn clock_atomics_and_sleep_have_their_places() {
    let file = "src/retry/policy.rs";
    with(
        file,
        "fn f() { Instant::now() }",
        &["src/retry/policy.rs:1: `Instant::now` stands here"],
    );
    with("src/time.rs", "fn f() { Instant::now() }", &[]);
    with(
        file,
        "unsafe fn f() {}",
        &["src/retry/policy.rs:1: `unsafe` stands here"],
    );
    with(
        file,
        "use std::sync::atomic::X;",
        &["src/retry/policy.rs:1: `std::sync::atomic`"],
    );
    with(
        file,
        "fn f() { a.load(Ordering::Relaxed) }",
        &["src/retry/policy.rs:1: an ordering"],
    );
    with(
        file,
        "// Ordering: alone.\nfn f() { a.load(Ordering::Relaxed) }",
        &[],
    );
    with(file, "fn f() { a.cmp(b) == Ordering::Less }", &[]);
    let sleeper = "async fn f() {\n tokio::time::sleep(x).await }";
    with(
        "tests/a.rs",
        &format!("#[tokio::test]\n{sleeper}"),
        &["tests/a.rs:3: a test sleeps"],
    );
    with(
        "tests/a.rs",
        &format!("#[tokio::test(start_paused = true)]\n{sleeper}"),
        &[],
    );
}

#[test]
fn conditions_are_such_as_the_minimum_rust_reads() {
    let file = "src/retry/policy.rs";
    let fault = "src/retry/policy.rs:2: a condition";
    let caught = [
        "fn f() {\n if let Some(x) = a() && x { b() } }",
        "fn f() {\n while a() && let Some(x) = b { c() } }",
        "fn f() { match a {\n Some(x) if let Some(y) = x => b(y), _ => c() } }",
    ];
    for code in caught {
        with(file, code, &[fault]);
    }
    let kept = [
        "fn f() { if let Some(x) = a(b && c) { if x && y { d() } } }",
        "fn f() { match a { Some(x) if x && y => { let z = 1; } _ => c() } }",
        "fn f() { if a && b { let c = d && e; } else if let Some(x) = (f && g) {} }",
        "fn f() { let Some(x) = (a && b).then(c) else { return }; }",
        "fn f() { let a = matches!(b, C(d) if d.e()); let f = g && h; if f {} }",
    ];
    for code in kept {
        with(file, code, &[]);
    }
}

#[test]
fn a_metric_has_its_prefix_its_unit_and_its_page() {
    let file = "src/retry/policy.rs";
    let counter = |name: &str| format!("fn f() {{ s.counter_by(\n\"{name}\", k, v) }}");
    with(file, &counter("mainstay_known_total"), &[]);
    with(
        file,
        &counter("retries_total"),
        &["src/retry/policy.rs:2: a counter_by is called"],
    );
    let unlisted = &["src/retry/policy.rs:2: `mainstay_new_total` is on no page"];
    with(file, &counter("mainstay_new_total"), unlisted);
    with(
        "src/retry/mod.rs",
        "//! `mainstay_known_total`\n//! `mainstay_gone_total`",
        &["src/retry/mod.rs:2: no code counts `mainstay_gone_total`"],
    );
}

#[test]
fn what_a_page_names_exists() {
    let page = "docs/page.md";
    with(
        page,
        "see `src/retry/mod.rs`, `src/retry/`... and <src/retry/mod.rs>",
        &[],
    );
    with(
        page,
        "\nsee src/gone.rs.",
        &["docs/page.md:2: there is no `src/gone.rs`"],
    );
    with(
        page,
        "[a](../src/retry/mod.rs#here) [b](https://x.y/z) [c](#there)",
        &[],
    );
    with(
        page,
        "[a](gone.md)",
        &["docs/page.md:1: the link to `gone.md` leads nowhere"],
    );
    with(page, "`mainstay::retry::X`, `mainstay::Kind`", &[]);
    with(
        page,
        "`mainstay::gone::X`",
        &["docs/page.md:1: there is no module `mainstay::gone`"],
    );
    with(
        page,
        "`mainstay_gone_total`",
        &["docs/page.md:1: no code counts"],
    );
}
