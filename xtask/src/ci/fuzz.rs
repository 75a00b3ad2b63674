//! `fuzz`: builds every target of the folder `fuzz` and feeds each for some seconds.
//!
//! The gate gives each a few; `CISTERN_FUZZ_SECONDS` says how many.

use super::{
    Outcome,
    command::{self, cargo},
};
use crate::{Failure, Result, Tree};
use std::{env, fs, process::Command};

/// How long each target runs.
const SECONDS: &str = "CISTERN_FUZZ_SECONDS";
const SECONDS_DEFAULT: u32 = 5;

/// More memory than this for inputs of a few KiB is a find.
const MEMORY: &str = "-rss_limit_mb=512";

const GET_CARGO_FUZZ: &str = "they need the nightly toolchain and cargo-fuzz; get them with \
    `rustup toolchain install nightly` and `cargo install --locked cargo-fuzz`";

/// How much of what a target printed is shown when it has found something.
const LINES_SHOWN: usize = 40;

/// Feeds every target whose name contains `word`, beginning with its seeds.
pub(super) fn run(tree: &Tree, word: &str) -> Result<Outcome> {
    if !tree.has("fuzz/Cargo.toml") {
        return Ok(Outcome::Skipped("there is no folder fuzz".into()));
    }
    if !command::succeeds(nightly_fuzz().arg("--version")) {
        return Ok(Outcome::Skipped(GET_CARGO_FUZZ.into()));
    }
    let seconds = seconds(env::var(SECONDS).ok().as_deref())?;
    write_seeds(tree)?;
    // Without a sanitizer: there is no unsafe code for one to look into, and it costs half the speed.
    command::run(nightly_fuzz().args(["build", "--sanitizer", "none"]).current_dir(tree.root()))?;
    let targets = targets(tree)?;
    let chosen: Vec<_> = targets.iter().filter(|target| target.contains(word)).collect();
    if chosen.is_empty() {
        return Err(Failure::new(format!("no fuzz target has `{word}` in its name")));
    }
    for target in chosen {
        feed(tree, target, seconds)?;
    }
    Ok(Outcome::Done)
}

/// What a target prints goes to a file: it is much, and matters only when something was found.
fn feed(tree: &Tree, target: &str, seconds: u32) -> Result<()> {
    let path = env::temp_dir().join(format!("cistern-fuzz-{target}-{}", std::process::id()));
    let io = |error| Failure::new(format!("cannot write {}: {error}", path.display()));
    let told = fs::File::create(&path).map_err(io)?;
    let mut command = nightly_fuzz();
    command.args(["run", "--sanitizer", "none", target, "--"]);
    command.args([MEMORY, "-print_final_stats=1", &format!("-max_total_time={seconds}")]);
    let outcome = command::run(command.stderr(told).current_dir(tree.root()));
    let told = String::from_utf8_lossy(&fs::read(&path).map_err(io)?).into_owned();
    // Left behind, it costs a little space and nothing else.
    drop(fs::remove_file(&path));
    if outcome.is_err() {
        let lines: Vec<&str> = told.lines().collect();
        println!("{}", lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n"));
        return outcome;
    }
    println!("--- {target}: {} inputs in {seconds} s", inputs(&told).unwrap_or("some"));
    Ok(())
}

/// How many inputs a target was given, by what it printed.
fn inputs(told: &str) -> Option<&str> {
    told.lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .map(str::trim)
}

/// The seeds are made by the code under test, so that they are of today.
fn write_seeds(tree: &Tree) -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--quiet", "--lib", "--package", "cistern-storage-core"]);
    command.args(["--package", "cistern-disk", "--package", "cistern-access"]);
    command.args(["--package", "cistern-lifecycle", "--package", "cistern-stream"]);
    command.arg("the_seeds_are_written");
    command.env("CISTERN_FUZZ_CORPUS", tree.root().join("fuzz/corpus"));
    command::output(command.current_dir(tree.root())).map(drop)
}

fn seconds(told: Option<&str>) -> Result<u32> {
    let Some(text) = told else { return Ok(SECONDS_DEFAULT) };
    text.parse().map_err(|_| Failure::new(format!("{SECONDS}={text} is no number")))
}

/// A target is a file of its own.
fn targets(tree: &Tree) -> Result<Vec<String>> {
    let files = tree.files()?;
    let names = files.iter().filter_map(|path| path.strip_prefix("fuzz/fuzz_targets/"));
    Ok(names.filter_map(|name| name.strip_suffix(".rs")).map(str::to_owned).collect())
}

/// The cargo that started us is of one toolchain; only rustup's own takes `+nightly`.
fn nightly_fuzz() -> Command {
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_run_as_long_as_asked_for() {
        assert_eq!(seconds(None).unwrap(), SECONDS_DEFAULT);
        assert_eq!(seconds(Some("60")).unwrap(), 60);
        assert!(seconds(Some("long")).is_err());
    }

    #[test]
    fn how_many_inputs_there_were_is_read_from_what_was_printed() {
        let told = "Done 7 runs\nstat::number_of_executed_units: 71034\nstat::peak_rss_mb: 40\n";
        assert_eq!(inputs(told), Some("71034"));
        assert_eq!(inputs("nothing"), None);
    }

    #[test]
    fn every_file_of_the_folder_is_a_target() {
        let targets = targets(&Tree::of_workspace()).unwrap();
        assert!(targets.iter().any(|target| target == "frame"), "{targets:?}");
    }
}
