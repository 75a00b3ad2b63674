use cistern_sim::run;

#[test]
fn the_same_seed_makes_the_same_calls_and_gets_the_same_answers() {
    for seed in 0..200 {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.tally, second.tally, "seed {seed}");
    }
}

#[test]
fn other_seeds_make_other_calls() {
    let mut traces: Vec<u64> = (0..50).map(|seed| run(seed).trace).collect();
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), 50);
}
