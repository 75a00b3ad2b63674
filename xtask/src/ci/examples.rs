//! Every example runs to its end, as a stranger would run it.
//!
//! An example without arguments does its whole task in memory or under the system's folder for
//! temporary files, and ends with success. One that needs arguments for that has a line in
//! [`ARGUMENTS`].

use super::{
    Gate, Outcome,
    command::{self, cargo},
};
use crate::{Failure, Result};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
    time::Duration,
};

/// The arguments with which an example tests itself; most take none.
const ARGUMENTS: &[(&str, &[&str])] = &[];

/// How long one example may take, debug build.
const SECONDS_MAX: Duration = Duration::from_secs(120);

pub(super) fn run(gate: &Gate<'_>) -> Result<Outcome> {
    let examples = build(gate.tree.root())?;
    let names: Vec<&str> = examples.keys().map(String::as_str).collect();
    if let Some(stale) = stale(ARGUMENTS, &names) {
        return Err(Failure::new(format!("xtask has arguments for {stale}, which is no example")));
    }
    if examples.is_empty() {
        return Ok(Outcome::Skipped("the workspace has no example".into()));
    }
    for (name, program) in &examples {
        println!("--- {name}");
        run_one(name, program)?;
    }
    Ok(Outcome::Done)
}

/// Builds all of them at once: `cargo run` would build each with other features than its tests.
fn build(root: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut command = cargo();
    command.args(["build", "--workspace", "--examples"]);
    command.arg("--message-format=json-render-diagnostics").current_dir(root);
    Ok(programs(&command::output(&mut command)?))
}

/// The examples in what cargo reports, one JSON a line, by name.
fn programs(report: &str) -> BTreeMap<String, PathBuf> {
    let messages = report.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter(|message| message["target"]["kind"][0] == "example")
        .filter_map(|message| {
            let name = message["target"]["name"].as_str()?.to_owned();
            Some((name, message["executable"].as_str()?.into()))
        })
        .collect()
}

/// Runs in an empty folder, so that what an example leaves behind is not left in the tree.
fn run_one(name: &str, program: &Path) -> Result<()> {
    let folder = EmptyFolder::new(name)?;
    let mut command = Command::new(program);
    command.args(arguments(ARGUMENTS, name)).current_dir(&folder.0);
    command::run_within(&mut command, SECONDS_MAX)
}

fn arguments<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> &'a [&'a str] {
    table.iter().find(|(known, _)| *known == name).map_or(&[], |(_, arguments)| arguments)
}

/// A name of the table that is no example: a renamed one would silently lose its arguments.
fn stale<'a>(table: &[(&'a str, &[&str])], examples: &[&str]) -> Option<&'a str> {
    table.iter().map(|(name, _)| *name).find(|name| !examples.contains(name))
}

/// A folder that is there until dropped.
struct EmptyFolder(PathBuf);

impl EmptyFolder {
    fn new(name: &str) -> Result<Self> {
        let path = env::temp_dir().join(format!("cistern-example-{name}-{}", process::id()));
        fs::create_dir_all(&path)
            .map_err(|error| Failure::new(format!("cannot make {}: {error}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for EmptyFolder {
    fn drop(&mut self) {
        // Left behind, it costs a little space and nothing else.
        drop(fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[(&str, &[&str])] = &[("archive", &["--selftest"])];

    #[test]
    fn an_example_has_its_arguments_or_none() {
        assert_eq!(arguments(TABLE, "archive"), ["--selftest"]);
        assert!(arguments(TABLE, "quickstart").is_empty());
    }

    #[test]
    fn the_programs_of_examples_are_found_in_what_cargo_reports() {
        let report = r#"{"target":{"kind":["lib"],"name":"cistern"},"executable":null}
{"target":{"kind":["example"],"name":"archive"},"executable":"/target/archive"}
{"reason":"build-finished","success":true}"#;
        let expected = BTreeMap::from([("archive".to_owned(), "/target/archive".into())]);
        assert_eq!(programs(report), expected);
    }

    #[test]
    fn arguments_of_an_example_that_is_gone_are_told() {
        assert_eq!(stale(TABLE, &["quickstart", "archive"]), None);
        assert_eq!(stale(TABLE, &["quickstart"]), Some("archive"));
    }

    #[test]
    fn an_empty_folder_is_gone_when_dropped() {
        let folder = EmptyFolder::new("test").unwrap();
        let path = folder.0.clone();
        fs::write(path.join("left-behind"), "x").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
