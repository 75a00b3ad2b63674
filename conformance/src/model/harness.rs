//! The harness: the same calls to both, and a comparison after each.

use super::{
    Objects,
    op::{Op, ops},
    real::{BEGIN, Real},
};
use crate::backend::Fixture;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::fmt::Write;

/// The most calls of one case.
const OPS_MAX: usize = 120;

/// Holds a store over the backends that `make` gives to the model, in so many cases of up to 120
/// calls each. The environment may ask for more: `CISTERN_CASES` cases, from `CISTERN_SEED`.
///
/// Everything repeats: the clock is moved by hand, and chance follows from the seed.
///
/// Cost: some milliseconds a case in memory.
///
/// # Panics
/// When they differ: with the fewest calls found that show it.
#[expect(clippy::panic, reason = "a check that fails panics: that is how tests speak")]
pub fn run(make: impl Fn() -> Fixture, cases: u32) {
    let cases = from_environment("CISTERN_CASES")
        .map_or(cases, |more| u32::try_from(more).expect("CISTERN_CASES is a number of cases"));
    let seed = from_environment("CISTERN_SEED").unwrap_or(1);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 4000, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&ops(OPS_MAX), |ops| hold(make(), &ops).map_err(TestCaseError::fail));
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, ops)) => panic!("{}", told(seed, reason.message(), &ops)),
        Err(TestError::Abort(reason)) => panic!("gave up: {reason}"),
    }
}

#[expect(clippy::expect_fun_call, reason = "it is said once, when a run is set up")]
fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect(&format!("{name} is a number")))
}

fn told(seed: u64, reason: &str, ops: &[Op]) -> String {
    let mut text = format!("the store and the model differ (CISTERN_SEED={seed}): {reason}");
    for op in ops {
        write!(text, "\n  {op:?}").expect("text takes text");
    }
    text
}

/// Calls both, one op after the other.
fn hold(fixture: Fixture, ops: &[Op]) -> Result<(), String> {
    let mut model = Objects::new(BEGIN.as_millis());
    let mut real = Real::new(fixture);
    for (step, op) in ops.iter().enumerate() {
        let picks = model.picks(op);
        let expected = model.apply(op, &picks);
        let found = real.apply(op, &picks);
        let what = || format!("call {step}, {op:?} of {picks:?}");
        same(what, &expected, &found)?;
        same_contents(what, &model, &mut real)?;
    }
    for (at, name, bytes) in model.bodies() {
        let found = real.body(at, name).map_err(|error| format!("{at:?} {name:?}: {error}"))?;
        if found != bytes {
            return Err(format!("the bytes of {at:?}, version {name:?}, are not those written"));
        }
    }
    Ok(())
}

fn same_contents(
    what: impl Fn() -> String,
    model: &Objects,
    real: &mut Real,
) -> Result<(), String> {
    for bucket in model.buckets.keys().copied() {
        let after = |about: &str| format!("{about} of `{bucket}` after {}", what());
        let versions = real.all_versions(bucket).map_err(|error| error.to_string())?;
        same(|| after("versions"), &model.all_versions(bucket), &versions)?;
        let numbers = real.stats(bucket).map_err(|error| error.to_string())?;
        same(|| after("numbers"), &model.stats(bucket), &numbers)?;
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(
    what: impl Fn() -> String,
    expected: &T,
    found: &T,
) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!("{}\n  model: {expected:?}\n  store: {found:?}", what()))
}
