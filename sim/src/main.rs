//! `cargo run --release -p cistern-sim -- --seeds 10000 [--from 0] [--failures 5]`: runs seeds through
//! every world, and tells which faults struck, and how often.

use cistern_sim::{faults::Tally, run, run_damage, run_streams, run_threads, run_verbs};
use std::process::ExitCode;

#[expect(clippy::print_stdout, reason = "telling is what it is for")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let (from, seeds, failures) =
        (number("--from", 0), number("--seeds", 1000), number("--failures", 5));
    let mut tally = Tally::default();
    let mut failed = 0_u64;
    let mut ran = 0_u64;
    for seed in from..from + seeds {
        ran += 1;
        for (world, violation) in worlds(seed, &mut tally) {
            failed += 1;
            println!("seed {seed}, {world}: {violation}\n");
        }
        if failed >= failures {
            break;
        }
    }
    println!("{ran} seeds from {from}, {failed} runs failed; {} faults struck:", tally.total());
    println!("{tally}");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a seed through every world; what did not hold, and where.
fn worlds(seed: u64, tally: &mut Tally) -> Vec<(&'static str, String)> {
    let mut violations = Vec::new();
    let outcome = run(seed);
    tally.add(&outcome.tally);
    violations.extend(outcome.tell().map(|told| ("model", told.to_string())));
    for (world, outcome) in [("damage", run_damage(seed)), ("verbs", run_verbs(seed))] {
        match outcome {
            Ok(struck) => tally.add(&struck),
            Err(violation) => violations.push((world, violation)),
        }
    }
    match run_streams(seed) {
        Ok(run) => tally.add(&run.tally),
        Err(violation) => violations.push(("streams", violation)),
    }
    match run_threads(seed) {
        Ok(run) => {
            tally.add(&run.tally);
            violations.extend(run.violation.map(|violation| ("threads", violation)));
        }
        Err(violation) => violations.push(("threads", violation)),
    }
    violations
}
