use cistern_disk::device::Failure;
use cistern_sim::{Outcome, fail_every_call, power_off_at_every_change, run_in_parts};

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

#[test]
fn nobody_notices_a_read_or_a_write_that_is_interrupted_or_done_in_part() {
    check(&fail_every_call(9, Failure::Interrupted), 50);
    check(&fail_every_call(10, Failure::Part), 50);
}

#[test]
fn nobody_notices_that_every_read_and_every_write_is_done_in_parts() {
    let outcomes: Vec<_> = (0..40).map(run_in_parts).collect();
    check(&outcomes, 40);
    for kind in ["in part, Read", "in part, Write"] {
        let struck: u64 = outcomes.iter().map(|outcome| outcome.tally.of(kind)).sum();
        assert!(struck > 1000, "`{kind}` struck only {struck} times");
    }
}
