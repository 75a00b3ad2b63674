//! `cistern-repair <damaged> <new>`: makes a store out of what is left of a damaged one.
//!
//! The damaged store is only read. What is lost, and what of the new store still cannot be read, is
//! told line by line. It ends with 0 when nothing is lost, with 1 when something is, with 2 when
//! there is no new store.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its user")]

use cistern_disk::{Severity, repair};
use std::{env, process::ExitCode};

const USAGE: &str = "usage: cistern-repair <folder of a damaged store> <new folder>

Reads the damaged store, and makes a new one of all that verifies. The new folder must be empty or
not there. Nobody may have the store open meanwhile. Ends with 0: nothing is lost; 1: what the
lines tell is lost or cannot be read; 2: there is no new store.";

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let (Some(source), Some(target), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let repaired = match repair(&source, &target) {
        Ok(repaired) => repaired,
        Err(error) => {
            eprintln!("cistern-repair: {error}");
            return ExitCode::from(2);
        }
    };
    let is_damage = |severity| severity == Severity::Damage;
    let lost = repaired.lost.iter().filter(|found| is_damage(found.severity));
    let remains = repaired.remains.iter().filter(|found| is_damage(found.severity));
    lost.clone().for_each(|finding| println!("lost: {finding}"));
    remains.clone().for_each(|finding| println!("still damaged: {finding}"));
    let (lost, remains) = (lost.count(), remains.count());
    println!("{}: {lost} losses, {remains} places still damaged", target.display());
    ExitCode::from(u8::from(lost + remains > 0))
}
