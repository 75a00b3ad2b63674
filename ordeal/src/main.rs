//! `ordeal write` and `ordeal judge`: for the tests of this package, and for scripts.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program about the world: processes, pipes, time"
)]

use cistern_ordeal::{
    judge::{Judge, Life, Trial},
    ledger::Ledger,
    writer::{self, Orders, Waits},
};
use std::{env, fs, path::Path, process::ExitCode};

const USAGE: &str = "\
usage: ordeal write <folder> <seed> <life> <threads> <steps> [at-os]
           writes, and tells every acknowledged step on standard output; with `at-os` no step
           waits for the medium
       ordeal judge <folder> <ledger> killed|power-lost <seed> <life> <threads> <steps>
           opens the store that the first life of a writer left, and compares";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["write", folder, numbers @ ..] => {
            let (numbers, waits) = match numbers {
                [numbers @ .., "at-os"] => (numbers, Waits::AtOs),
                numbers => (numbers, Waits::AsPlanned),
            };
            let Some([seed, life, threads, steps]) = parse(numbers) else { return usage() };
            let Ok(threads) = u32::try_from(threads) else { return usage() };
            let orders = Orders { seed, life, threads, steps, waits };
            let done = writer::write(Path::new(folder), orders);
            if done { ExitCode::SUCCESS } else { ExitCode::from(WRITER_FAILED) }
        }
        ["judge", folder, ledger, trial, numbers @ ..] => {
            let Some([seed, life, threads, steps]) = parse(numbers) else { return usage() };
            let Ok(threads) = u32::try_from(threads) else { return usage() };
            let trial = match *trial {
                "killed" => Trial::Killed,
                "power-lost" => Trial::PowerLost,
                _ => return usage(),
            };
            let outcome = fs::read_to_string(ledger)
                .map_err(|error| format!("cannot read {ledger}: {error}"))
                .and_then(|text| Ledger::parse(&text))
                .and_then(|ledger| {
                    let life = Life { seed, life, threads, steps };
                    Judge::default().judge(Path::new(folder), life, &ledger, trial)
                });
            match outcome {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("{error}");
                    ExitCode::FAILURE
                }
            }
        }
        _ => usage(),
    }
}

fn parse(numbers: &[&str]) -> Option<[u64; 4]> {
    let numbers: Vec<u64> = numbers.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

/// Tells a writer that met a failure from one that broke down itself.
const WRITER_FAILED: u8 = 3;
