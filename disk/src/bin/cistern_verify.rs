//! `cistern-verify <folder>`: reads everything in a store, and tells what is not as it was written.
//!
//! A line a finding goes to the standard output, with the file and the place in it. It ends with 0
//! when nothing is damaged, with 1 when something is, with 2 when there was nothing to judge.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its user")]

use cistern_disk::{DiskBackend, DiskSettings, Severity, verify};
use cistern_storage_core::{Inconsistency, Store};
use std::{env, error::Error, path::Path, process::ExitCode, sync::Arc};

const USAGE: &str = "usage: cistern-verify <folder of a store>

Reads every byte that the store keeps, and writes nothing. Nobody may have the store open for
writing meanwhile. Ends with 0: nothing is damaged; 1: something is; 2: there is no store, or it
cannot be read.";

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let findings = match verify(&folder) {
        Ok(findings) => findings,
        Err(error) => {
            eprintln!("cistern-verify: {error}");
            return ExitCode::from(2);
        }
    };
    let inconsistent = match check(Path::new(&folder)) {
        Ok(found) => found,
        // What does not even open is told above.
        Err(_) if !findings.is_empty() => Vec::new(),
        Err(error) => {
            eprintln!("cistern-verify: {error}");
            return ExitCode::from(2);
        }
    };
    for finding in &findings {
        match finding.severity {
            Severity::Damage => println!("damage: {finding}"),
            Severity::Note => println!("note: {finding}"),
        }
    }
    let damaged = findings.iter().filter(|found| found.severity == Severity::Damage).count();
    for found in &inconsistent {
        println!("damage: bucket {}: {}: {}", found.bucket, found.what, found.detail);
    }
    let damaged = damaged + inconsistent.len();
    println!("{}: {damaged} damaged places", folder.display());
    ExitCode::from(u8::from(damaged > 0))
}

/// What the rows say of each other and of blobs.
fn check(folder: &Path) -> Result<Vec<Inconsistency>, Box<dyn Error>> {
    let backend = DiskBackend::open_read_only(folder, DiskSettings::default())?;
    let store = Store::builder(Arc::new(backend)).build()?;
    let mut found = Vec::new();
    store.check(|inconsistency| found.push(inconsistency))?;
    Ok(found)
}
