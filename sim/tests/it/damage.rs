use cistern_sim::{faults::Tally, run_damage, seeds};

#[test]
fn damage_at_rest_is_told_and_never_served() {
    let mut tally = Tally::default();
    for seed in seeds(600) {
        match run_damage(seed) {
            Ok(struck) => tally.add(&struck),
            Err(violation) => panic!("CISTERN_SEED={seed}: {violation}"),
        }
    }
}
