//! A writer that is killed with SIGKILL again and again, on one store.

use crate::kit;
use cistern_ordeal::{
    judge::{Judge, Life, Trial},
    ledger::Ledger,
    plan::Dice,
};
use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

/// What is killed, and when. The seed tells what the writer does and when it is killed; the machine
/// decides how far it has come by then.
#[test]
fn a_writer_that_is_killed_at_any_moment_loses_nothing_that_it_acknowledged() {
    let seed = kit::number("CISTERN_SEED", 20);
    let rounds = kit::number("CISTERN_KILLS", ROUNDS);
    let folder = tempfile::tempdir().unwrap();
    let mut judge = Judge::default();
    let mut total = 0;
    let began = Instant::now();
    for round in 0..rounds {
        let life = Life { seed, life: round, threads: THREADS, steps: u64::MAX };
        let text = run_and_kill(folder.path(), life);
        let ledger = Ledger::parse(&text).unwrap();
        let outcome = match ledger.failures() {
            0 => judge.judge(folder.path(), life, &ledger, Trial::Killed),
            _ => Err(format!("the writer failed: {:?}", ledger.entries.last())),
        };
        if let Err(error) = outcome {
            let kept = folder.keep();
            panic!("CISTERN_SEED={seed}, round {round}: {error}; see {}", kept.display());
        }
        total += ledger.done();
    }
    assert!(total as u64 > rounds, "the writer was killed before it did anything: {total} steps");
    let seconds = began.elapsed().as_secs_f64();
    println!("{rounds} kills in {seconds:.1} s, {total} acknowledged steps, CISTERN_SEED={seed}");
}

/// Runs a writer for a while and kills it. Returns what it told.
fn run_and_kill(folder: &Path, life: Life) -> String {
    let mut dice = Dice::of(&[life.seed, life.life]);
    let mut writer = kit::writer(&[] as &[&str], folder, life)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = BufReader::new(writer.stdout.take().unwrap());
    let mut text = String::new();
    // Some are killed while they open the store, and the others at their work.
    if dice.below(5) != 0 {
        pipe.read_line(&mut text).unwrap();
    }
    let longest = if text.is_empty() { OPENING_MS_MAX } else { WORKING_MS_MAX };
    let micros = dice.below(longest * 1000);
    // A pipe takes 64 KiB, which is more than a writer tells in this time.
    thread::sleep(Duration::from_micros(micros));
    writer.kill().unwrap();
    pipe.read_to_string(&mut text).unwrap();
    writer.wait().unwrap();
    text
}

const ROUNDS: u64 = 50;
const THREADS: u32 = 4;
const OPENING_MS_MAX: u64 = 25;
const WORKING_MS_MAX: u64 = 250;
