//! `cargo run --release -p cistern-sim -- --seeds 10000 [--from 0]`: runs seeds, and tells what struck.

use cistern_sim::faults::Tally;
use std::process::ExitCode;

#[expect(clippy::print_stdout, reason = "telling is what it is for")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let (from, seeds) = (number("--from", 0), number("--seeds", 1000));
    let mut tally = Tally::default();
    let mut failed = 0_u64;
    for seed in from..from + seeds {
        let outcome = cistern_sim::run(seed);
        tally.add(&outcome.tally);
        if let Some(told) = outcome.tell() {
            failed += 1;
            println!("seed {seed}: {told}\n");
            if failed >= number("--failures", 5) {
                break;
            }
        }
    }
    println!("{seeds} seeds from {from}, {failed} failed; {} faults struck:", tally.total());
    println!("{tally}");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
