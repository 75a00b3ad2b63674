use cistern_disk::device::Failure;
use cistern_sim::{Outcome, fail_every_call, power_off_at_every_change};

#[track_caller]
fn check(outcomes: &[Outcome], least: usize) {
    assert!(outcomes.len() >= least, "only {} calls were tried", outcomes.len());
    for (at, outcome) in outcomes.iter().enumerate() {
        let violation = outcome.violation.as_deref();
        assert!(violation.is_none(), "seed {}, call {at}: {violation:?}", outcome.seed);
    }
}

#[test]
fn the_power_may_go_at_every_single_change_of_a_run() {
    for seed in 0..6 {
        check(&power_off_at_every_change(seed), 20);
    }
}

#[test]
fn every_single_call_of_a_run_may_fail() {
    for seed in 0..3 {
        check(&fail_every_call(seed, Failure::Io), 50);
        check(&fail_every_call(seed + 3, Failure::NoSpace), 50);
        check(&fail_every_call(seed + 6, Failure::Short), 50);
    }
}
