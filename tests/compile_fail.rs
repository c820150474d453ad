//! What a user reads who puts a stack together wrongly.
//!
//! `docs/troubleshooting.md` quotes these messages. To renew them after a change of wording, run with
//! `TRYBUILD=overwrite` and read the difference.

#[test]
fn a_stack_put_together_wrongly_is_explained() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}

#[test]
fn the_troubleshooting_page_quotes_what_is_said() {
    let page = std::fs::read_to_string("docs/troubleshooting.md").unwrap();
    let said: String = std::fs::read_dir("tests/compile_fail")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "stderr")
        })
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();

    let blocks = page
        .split("```text\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap());
    let quoted = blocks.flat_map(str::lines).map(str::trim);
    // Long types are cut short on the page, as `<..>`: what is around them must be there.
    for piece in quoted
        .flat_map(|line| line.split(".."))
        .filter(|piece| piece.len() > 2)
    {
        assert!(said.contains(piece), "no compiler says: {piece}");
    }
}
