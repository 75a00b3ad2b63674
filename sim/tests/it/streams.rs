use cistern_sim::{run_streams, seeds};

#[test]
fn a_stream_that_loses_power_keeps_what_it_acknowledged_each_key_in_order() {
    let (mut acknowledged, mut lost) = (0, 0);
    for seed in seeds(400) {
        match run_streams(seed) {
            Ok(run) => {
                acknowledged += run.acknowledged;
                lost += run.lost;
            }
            Err(violation) => panic!("CISTERN_SEED={seed}: {violation}"),
        }
    }
    assert!(acknowledged > 0 && lost > 0, "{acknowledged} acknowledged, {lost} lost as allowed");
}

#[test]
fn streams_repeat_from_their_seed() {
    for seed in 0..40 {
        let (first, second) = (run_streams(seed).unwrap(), run_streams(seed).unwrap());
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.tally, second.tally, "seed {seed}");
    }
}
