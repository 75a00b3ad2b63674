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
use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

/// The arguments with which an example tests itself; most take none.
const ARGUMENTS: &[(&str, &[&str])] = &[];

/// How long one example may take, debug build.
const SECONDS_MAX: Duration = Duration::from_secs(120);

pub(super) fn run(gate: &Gate<'_>) -> Result<Outcome> {
    let examples: Vec<(&str, &str)> = gate
        .packages
        .iter()
        .flat_map(|package| {
            package.examples.iter().map(|one| (package.name.as_str(), one.as_str()))
        })
        .collect();
    let names: Vec<&str> = examples.iter().map(|(_, name)| *name).collect();
    if let Some(stale) = stale(ARGUMENTS, &names) {
        return Err(Failure::new(format!("xtask has arguments for {stale}, which is no example")));
    }
    if examples.is_empty() {
        return Ok(Outcome::Skipped("the workspace has no example".into()));
    }
    command::run(
        cargo().args(["build", "--workspace", "--examples"]).current_dir(gate.tree.root()),
    )?;
    for (package, name) in examples {
        println!("--- {name}");
        run_one(gate.tree.root(), package, name)?;
    }
    Ok(Outcome::Done)
}

/// Runs in an empty folder, so that what an example leaves behind is not left in the tree.
fn run_one(root: &Path, package: &str, name: &str) -> Result<()> {
    let folder = EmptyFolder::new(name)?;
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", package, "--example", name, "--manifest-path"]);
    command.arg(root.join("Cargo.toml")).arg("--").args(arguments(ARGUMENTS, name));
    command.current_dir(&folder.0);
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
