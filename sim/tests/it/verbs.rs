use cistern_sim::{run_verbs, seeds};

#[test]
fn a_verb_that_fails_has_done_nothing_or_all() {
    for seed in seeds(600) {
        let outcome = run_verbs(seed);
        assert!(outcome.is_ok(), "CISTERN_SEED={seed}: {}", outcome.unwrap_err());
    }
}
