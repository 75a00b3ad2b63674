//! Cistern beside its peers and beside the physical limit, in one run.
//!
//! ```text
//! cargo run --release --manifest-path rivals/Cargo.toml -- <scenario> [--quick] [--dir DIR]
//! ```
//!
//! `list` names the scenarios, `all` runs every one. A run prints a table with every contender and
//! ends with one line a figure to reach:
//! `RATIO scenario=<s> ours=<x> peer=<name> value=<ratio> want=<target>`.

mod contender;
mod machine;
mod measure;
mod ours;
mod peer;
mod process;
mod report;
mod scenario;
mod workload;

use std::{path::PathBuf, process::ExitCode};

use contender::{Outcome, Settings};

const USAGE: &str = "usage: cistern-rivals <scenario | all | list> [--quick] [--dir DIR]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Outcome<()> {
    if let Some((child, rest)) =
        arguments.split_first().filter(|(name, _)| name.ends_with("-child"))
    {
        return scenario::run_child(child, rest);
    }
    let asked = Asked::parse(arguments)?;
    if asked.scenario == "list" {
        for scenario in scenario::ALL {
            println!("{:16} {}", scenario.name, scenario.about);
        }
        return Ok(());
    }
    let chosen: Vec<_> = scenario::ALL
        .iter()
        .filter(|scenario| {
            // The parts of `million` are in it.
            let in_all = !scenario.name.starts_with("million-");
            asked.scenario == scenario.name || asked.scenario == "all" && in_all
        })
        .collect();
    if chosen.is_empty() {
        return Err(format!("there is no scenario `{}`; ask for `list`", asked.scenario).into());
    }

    std::fs::create_dir_all(&asked.folder)?;
    let folder = tempfile::Builder::new().prefix("run-").tempdir_in(&asked.folder)?;
    let settings = Settings { quick: asked.quick, folder: folder.path().into() };
    machine::describe(&settings);
    let mut ratios = Vec::new();
    for scenario in chosen {
        ratios.extend((scenario.run)(&settings)?);
    }
    println!();
    for ratio in ratios {
        println!("{ratio}");
    }
    Ok(())
}

struct Asked {
    scenario: String,
    quick: bool,
    folder: PathBuf,
}

impl Asked {
    fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut asked = Self {
            scenario: String::new(),
            quick: false,
            // Not the system's folder for temporary files, which is often a memory disk.
            folder: PathBuf::from("data").join("rivals"),
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => asked.quick = true,
                "--dir" => asked.folder = arguments.next().ok_or(USAGE)?.into(),
                name if asked.scenario.is_empty() && !name.starts_with('-') => {
                    asked.scenario = name.into();
                }
                _ => return Err(USAGE.into()),
            }
        }
        if asked.scenario.is_empty() { Err(USAGE.into()) } else { Ok(asked) }
    }
}
