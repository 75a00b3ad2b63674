use cistern_sim::run_churn;

#[test]
fn ten_times_the_live_size_of_churn_takes_half_as_much_space_again() {
    for seed in 0..2 {
        let churned = run_churn(seed, 600).unwrap();
        assert!(churned.is_within_bounds(), "seed {seed}: {churned:?}");
    }
}
