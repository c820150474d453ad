//! What a user reads who forgets the error layer at the bottom of a stack.
//!
//! `docs/troubleshooting.md` quotes these messages. To renew them after a change of wording, run with
//! `TRYBUILD=overwrite` and read the difference.

#[test]
fn a_forgotten_error_layer_is_explained() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
