//! The steps of the gate, each a few commands.

use super::{
    Gate, Outcome,
    command::{self, cargo},
};
use crate::{Failure, Result, tidy as tidy_checks};
use std::{
    env,
    process::{Command, Stdio},
};

/// How long each fuzz target runs.
const FUZZ_SECONDS: &str = "CISTERN_FUZZ_SECONDS";
const FUZZ_SECONDS_DEFAULT: u32 = 2;

/// More memory than this for inputs of a few KiB is a find.
const FUZZ_MEMORY: &str = "-rss_limit_mb=512";

/// Set by who has just run the tests: `.ci/run` runs the README's command first.
const TESTS_DONE: &str = "CISTERN_TESTS_DONE";

const GET_CARGO_DENY: &str = "cargo-deny is not installed; get it with \
    `cargo install --locked cargo-deny`";

const GET_CARGO_FUZZ: &str = "they need the nightly toolchain and cargo-fuzz; get them with \
    `rustup toolchain install nightly` and `cargo install --locked cargo-fuzz`";

pub(super) fn format(gate: &Gate<'_>) -> Result<Outcome> {
    run(gate, &["fmt", "--all", "--check"])
}

pub(super) fn tidy(gate: &Gate<'_>) -> Result<Outcome> {
    tidy_checks::run(gate.tree)?;
    Ok(Outcome::Done)
}

/// Once with default features and, where a crate has any, once with all of them.
pub(super) fn clippy(gate: &Gate<'_>) -> Result<Outcome> {
    run(gate, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    if gate.packages.iter().any(|package| package.has_features) {
        let all = ["clippy", "--workspace", "--all-targets", "--all-features", "--"];
        run(gate, &[&all[..], &["-D", "warnings"]].concat())?;
    }
    Ok(Outcome::Done)
}

pub(super) fn docs(gate: &Gate<'_>) -> Result<Outcome> {
    let mut command = cargo();
    command.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    command::run(command.current_dir(gate.tree.root()))?;
    Ok(Outcome::Done)
}

pub(super) fn tests(gate: &Gate<'_>) -> Result<Outcome> {
    if env::var(TESTS_DONE).is_ok_and(|value| value == "1") {
        return Ok(Outcome::Skipped(format!("{TESTS_DONE}=1 says that they just ran")));
    }
    run(gate, &["test", "--workspace"])
}

/// Advisories need a database from the network: without it they are left out, and said to be.
pub(super) fn dependencies(gate: &Gate<'_>) -> Result<Outcome> {
    if !command::succeeds(cargo().args(["deny", "--version"])) {
        return Ok(Outcome::Skipped(GET_CARGO_DENY.into()));
    }
    run(gate, &["deny", "check", "bans", "licenses", "sources"])?;
    if !command::succeeds(cargo().args(["deny", "fetch", "db"]).current_dir(gate.tree.root())) {
        println!("notice: advisories not checked: their database cannot be fetched");
        return Ok(Outcome::Done);
    }
    run(gate, &["deny", "check", "--disable-fetch", "advisories"])
}

/// In the profile of the tests: this proves that each bench runs, not how fast.
pub(super) fn benches(gate: &Gate<'_>) -> Result<Outcome> {
    let mut with_benches =
        gate.packages.iter().filter(|package| !package.benches.is_empty()).peekable();
    if with_benches.peek().is_none() {
        return Ok(Outcome::Skipped("the workspace has no bench".into()));
    }
    for package in with_benches {
        let bench = ["bench", "--profile", "dev", "--benches", "--package", &package.name];
        run(gate, &[&bench[..], &["--", "--test"]].concat())?;
    }
    Ok(Outcome::Done)
}

/// Builds every target and feeds each for some seconds, beginning with its seeds.
pub(super) fn fuzz(gate: &Gate<'_>) -> Result<Outcome> {
    if !gate.tree.has("fuzz/Cargo.toml") {
        return Ok(Outcome::Skipped("there is no folder fuzz".into()));
    }
    if !command::succeeds(nightly_fuzz().arg("--version")) {
        return Ok(Outcome::Skipped(GET_CARGO_FUZZ.into()));
    }
    let root = gate.tree.root();
    let seconds = fuzz_seconds(env::var(FUZZ_SECONDS).ok().as_deref())?;
    write_fuzz_seeds(gate)?;
    // Without a sanitizer: there is no unsafe code for one to look into, and it costs half the speed.
    command::run(nightly_fuzz().args(["build", "--sanitizer", "none"]).current_dir(root))?;
    for target in fuzz_targets(gate)? {
        println!("--- {target}");
        let mut command = nightly_fuzz();
        command.args(["run", "--sanitizer", "none", &target, "--"]);
        command.arg(format!("-max_total_time={seconds}")).arg(FUZZ_MEMORY);
        command::run(command.stderr(Stdio::null()).current_dir(root))?;
    }
    Ok(Outcome::Done)
}

/// The seeds are made by the code under test, so that they are of today.
fn write_fuzz_seeds(gate: &Gate<'_>) -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--quiet", "--lib", "--package", "cistern-storage-core"]);
    command.args(["--package", "cistern-disk", "--package", "cistern-access"]);
    command.args(["--package", "cistern-lifecycle"]);
    command.arg("the_seeds_are_written").stdout(Stdio::null());
    command.env("CISTERN_FUZZ_CORPUS", gate.tree.root().join("fuzz/corpus"));
    command::run(command.current_dir(gate.tree.root()))
}

fn fuzz_seconds(told: Option<&str>) -> Result<u32> {
    let Some(text) = told else { return Ok(FUZZ_SECONDS_DEFAULT) };
    text.parse().map_err(|_| Failure::new(format!("{FUZZ_SECONDS}={text} is no number")))
}

/// A target is a file of its own.
fn fuzz_targets(gate: &Gate<'_>) -> Result<Vec<String>> {
    let files = gate.tree.files()?;
    let names = files.iter().filter_map(|path| path.strip_prefix("fuzz/fuzz_targets/"));
    Ok(names.filter_map(|name| name.strip_suffix(".rs")).map(str::to_owned).collect())
}

/// The cargo that started us is of one toolchain; only rustup's own takes `+nightly`.
fn nightly_fuzz() -> Command {
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz"]);
    command
}

fn run(gate: &Gate<'_>, arguments: &[&str]) -> Result<Outcome> {
    command::run(cargo().args(arguments).current_dir(gate.tree.root()))?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuzz_targets_run_as_long_as_asked_for() {
        assert_eq!(fuzz_seconds(None).unwrap(), FUZZ_SECONDS_DEFAULT);
        assert_eq!(fuzz_seconds(Some("60")).unwrap(), 60);
        assert!(fuzz_seconds(Some("long")).is_err());
    }
}
