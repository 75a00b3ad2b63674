//! The steps of the gate, each a few commands.

use super::{
    Gate, Outcome,
    command::{self, cargo},
    fuzz as fuzz_targets,
};
use crate::{Result, tidy as tidy_checks};
use std::env;

/// Set by who has just run the tests: `.ci/run` runs the README's command first.
const TESTS_DONE: &str = "CISTERN_TESTS_DONE";

const GET_CARGO_DENY: &str = "cargo-deny is not installed; get it with \
    `cargo install --locked cargo-deny`";

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

pub(super) fn fuzz(gate: &Gate<'_>) -> Result<Outcome> {
    fuzz_targets::run(gate.tree, "")
}

fn run(gate: &Gate<'_>, arguments: &[&str]) -> Result<Outcome> {
    command::run(cargo().args(arguments).current_dir(gate.tree.root()))?;
    Ok(Outcome::Done)
}
