//! The evaluator against a second one that is slow and obviously right.
//!
//! `CISTERN_SEEDS` asks for more cases, `CISTERN_SEED` for one.

use crate::{line, plain, random};
use std::collections::BTreeMap;

const CASES: u64 = 100_000;

fn seeds() -> Box<dyn Iterator<Item = u64>> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match number("CISTERN_SEED") {
        Some(seed) => Box::new(std::iter::once(seed)),
        None => Box::new(0..number("CISTERN_SEEDS").map_or(CASES, |seeds| seeds.max(CASES))),
    }
}

#[test]
fn both_evaluators_decide_alike() {
    let mut answers: BTreeMap<&str, u64> = BTreeMap::new();
    let mut cases = 0;
    for seed in seeds() {
        let case = random::case(seed);
        let expected = plain::decide(&case);
        let found = line(&case.to_string());
        assert_eq!(found, format!("r\t{expected}"), "CISTERN_SEED={seed}\n{case:#}");
        *answers.entry(expected).or_default() += 1;
        cases += 1;
    }
    // Where one answer is rare, agreeing on it says little.
    if cases >= CASES {
        assert!(answers.values().all(|count| count * 20 >= cases), "{answers:?}");
    }
}
