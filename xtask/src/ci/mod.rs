//! `ci`: the whole gate, in order.
//!
//! A step is a function; the table [`STEPS`] is the order. Each prints a heading, then whatever its
//! tools print, then its seconds. The first failure ends the run. `docs/ci.md` says why each exists.

mod command;
mod examples;
mod fuzz;
mod steps;

pub(crate) use command::{cargo, output};

use crate::{
    Failure, Result, Tree,
    metadata::{self, Package},
};
use std::time::Instant;

/// What the steps look at.
#[derive(Debug)]
struct Gate<'a> {
    tree: &'a Tree,
    packages: Vec<Package>,
}

/// How a step ended, if it did not fail.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// Nothing was proved, and why.
    Skipped(String),
}

type Step = fn(&Gate<'_>) -> Result<Outcome>;

/// The gate. Cheap steps come first, so that a slip is told early.
const STEPS: &[(&str, Step)] = &[
    ("format", steps::format),
    ("tidy", steps::tidy),
    ("clippy", steps::clippy),
    ("docs", steps::docs),
    ("tests and doctests", steps::tests),
    ("dependencies", steps::dependencies),
    ("examples", examples::run),
    ("benches in test mode", steps::benches),
    ("fuzz targets", steps::fuzz),
];

/// Runs the gate.
pub(crate) fn run(tree: &Tree) -> Result<()> {
    let gate = Gate { tree, packages: metadata::packages(tree)? };
    let began = Instant::now();
    let mut skipped = Vec::new();
    for (number, (name, step)) in (1..).zip(STEPS) {
        println!("\n==> [{number}/{}] {name}", STEPS.len());
        let step_began = Instant::now();
        let outcome = step(&gate).map_err(|failure| {
            Failure::new(format!("\ngate: FAILED at step {number}, {name}: {failure}"))
        })?;
        if let Outcome::Skipped(reason) = outcome {
            println!("notice: {name} skipped: {reason}");
            skipped.push(*name);
        }
        println!("    {:.1} s", step_began.elapsed().as_secs_f64());
    }
    println!("\n{}", summary(&skipped, began.elapsed().as_secs_f64()));
    Ok(())
}

/// The last step alone, for targets whose names contain `word`; here it must not be left out.
pub(crate) fn fuzz(tree: &Tree, word: &str) -> Result<()> {
    match fuzz::run(tree, word)? {
        Outcome::Done => Ok(()),
        Outcome::Skipped(reason) => Err(Failure::new(format!("nothing was fuzzed: {reason}"))),
    }
}

fn summary(skipped: &[&str], seconds: f64) -> String {
    let passed = STEPS.len() - skipped.len();
    let mut text = format!("gate: passed, {passed} steps in {seconds:.0} s");
    if !skipped.is_empty() {
        text.push_str("; skipped: ");
        text.push_str(&skipped.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_what_was_skipped() {
        let steps = STEPS.len();
        assert_eq!(summary(&[], 61.2), format!("gate: passed, {steps} steps in 61 s"));
        assert_eq!(
            summary(&["docs", "fuzz targets"], 9.0),
            format!("gate: passed, {} steps in 9 s; skipped: docs, fuzz targets", steps - 2)
        );
    }
}
