use cistern_sim::{run_threads, seeds};

#[test]
fn every_key_has_the_history_of_a_plain_cell_whoever_goes_first() {
    let mut grouped = 0;
    for seed in seeds(400) {
        let run = run_threads(seed).unwrap();
        grouped += run.grouped;
        assert!(run.violation.is_none(), "CISTERN_SEED={seed}: {}", run.violation.unwrap());
    }
    assert!(grouped > 0, "commits of several threads shared a sync");
}

#[test]
fn threads_that_take_turns_repeat_from_their_seed() {
    for seed in 0..40 {
        let (first, second) = (run_threads(seed).unwrap(), run_threads(seed).unwrap());
        assert_eq!(first.histories, second.histories, "seed {seed}");
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}
