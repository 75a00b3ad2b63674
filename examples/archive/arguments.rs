//! What the program was asked for.

use crate::problem::{Problem, Result};
use std::{
    env,
    path::{Path, PathBuf},
};

pub(crate) const HELP: &str = "\
archive <directory> [--store <folder>]                     archive a directory
archive <directory> --history                              list its runs
archive <directory> --restore <when> --to <new folder>     bring back an earlier state

<directory> is this program's own repository when it is left out, <folder> is ./data.
<when> is the number of a run, a date such as 2026-11-23 (its end), or a time such as
2026-11-23T07:00:00Z.
Not archived: the store's own folder, folders named `target`, empty folders, and what is neither a
file nor a symbolic link.";

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) directory: PathBuf,
    pub(crate) store: PathBuf,
    pub(crate) task: Task,
}

#[derive(Debug)]
pub(crate) enum Task {
    Archive,
    History,
    Restore { when: String, target: PathBuf },
    Help,
}

impl Arguments {
    pub(crate) fn parse(mut given: impl Iterator<Item = String>) -> Result<Self> {
        let (mut directory, mut store) = (None, PathBuf::from("data"));
        let (mut history, mut help) = (false, false);
        let (mut when, mut target) = (None, None);
        while let Some(argument) = given.next() {
            let mut value = || {
                let missing = || Problem::new(format!("{argument} needs a value; see --help"));
                given.next().ok_or_else(missing)
            };
            match argument.as_str() {
                "--help" | "-h" => help = true,
                "--history" => history = true,
                "--store" => store = value()?.into(),
                "--restore" => when = Some(value()?),
                "--to" => target = Some(PathBuf::from(value()?)),
                option if option.starts_with('-') => {
                    return Err(Problem::new(format!("unknown option {option}; see --help")));
                }
                _ if directory.is_some() => {
                    return Err(Problem::new("one directory at a time; see --help"));
                }
                path => directory = Some(PathBuf::from(path)),
            }
        }
        let task = match (help, history, when, target) {
            (true, ..) => Task::Help,
            (false, true, None, None) => Task::History,
            (false, false, Some(when), Some(target)) => Task::Restore { when, target },
            (false, false, None, None) => Task::Archive,
            (false, false, Some(_), None) => {
                return Err(Problem::new("--restore needs --to <new folder>"));
            }
            _ => return Err(Problem::new("these options do not go together; see --help")),
        };
        let directory = directory.map_or_else(own_repository, Ok)?;
        // Also a directory that is gone by now may be restored.
        let directory = match directory.canonicalize() {
            Ok(directory) => directory,
            Err(_) => env::current_dir()
                .map_err(|error| {
                    Problem::file("find the current folder above", &directory, &error)
                })?
                .join(directory),
        };
        Ok(Self { directory, store, task })
    }
}

/// The workspace that this program was built from.
fn own_repository() -> Result<PathBuf> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = examples.parent().filter(|root| root.is_dir());
    root.map(Path::to_owned)
        .ok_or_else(|| Problem::new("the program's own repository is gone; name a directory"))
}
