//! What it costs to depend on us: a clean build, and the crates in the tree.

use std::{collections::BTreeSet, path::Path, process::Command};

use super::Scenario;
use crate::{
    contender::{Outcome, Settings},
    measure::seconds,
    process::Neighbours,
    report::{Better, OURS, Ratio, Table},
};

pub const SCENARIO: Scenario = Scenario {
    name: "build",
    about: "clean build time of `cistern`, and its crates beside those of the peers",
    run: run_all,
};

const BUILD_SECONDS: f64 = 60.0;
const CRATES: f64 = 60.0;
const PEERS: &[&str] = &["object_store", "opendal", "fjall", "redb", "raft-engine"];

fn run_all(settings: &Settings) -> Outcome<Vec<Ratio>> {
    let neighbours = Neighbours::watch()?;
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let rivals = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut times = Table::new("build: clean build of `cistern`", "s", Better::Lower);
    let debug = build(settings, ours, &[])?;
    let release = build(settings, ours, &["--release"])?;
    times.row("cistern debug", None, vec![debug], "");
    times.row("cistern release", None, vec![release], "");
    println!("\nothers kept {:.2} cores busy meanwhile", neighbours.busy()?);
    times.print();

    let mut crates = Table::new("build: crates, normal and build", "crates", Better::Lower);
    let count = crates_of(ours, OURS)? as f64;
    crates.row(OURS, None, vec![count], "");
    for peer in PEERS {
        let count = crates_of(rivals, peer).unwrap_or(0) as f64;
        crates.row(peer, None, vec![count], "as this package uses it");
    }
    crates.print();
    Ok(vec![
        Ratio::below("build/release", "60-s", release, BUILD_SECONDS),
        Ratio::below("build/crates", "60-crates", count, CRATES),
    ])
}

fn build(settings: &Settings, manifest: &str, flags: &[&str]) -> Outcome<f64> {
    let target = settings.fresh("target")?;
    let (time, status) = seconds(|| {
        let mut cargo = cargo(manifest, "build");
        cargo.args(["--quiet", "--package", OURS, "--target-dir"]).arg(&target).args(flags);
        Ok(cargo.status()?)
    })?;
    std::fs::remove_dir_all(target)?;
    if status.success() { Ok(time) } else { Err("`cistern` does not build".into()) }
}

fn crates_of(manifest: &str, package: &str) -> Outcome<usize> {
    let mut cargo = cargo(manifest, "tree");
    cargo.args(["--package", package, "--edges", "normal,build", "--prefix", "none"]);
    let output = cargo.args(["--format", "{p}"]).output()?;
    let text = String::from_utf8(output.stdout)?;
    let names: BTreeSet<_> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect();
    if names.is_empty() {
        Err(format!("no crate tree for {package}").into())
    } else {
        Ok(names.len())
    }
}

fn cargo(manifest: &str, command: &str) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(program);
    cargo.arg(command).arg("--manifest-path").arg(Path::new(manifest));
    cargo
}
