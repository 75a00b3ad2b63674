//! What both kinds of tests share.

use cistern_ordeal::judge::Life;
use std::{env, ffi::OsStr, path::Path, process::Command};

/// The writer, as the command that starts it, behind `wrapper`.
pub(crate) fn writer(wrapper: &[impl AsRef<OsStr>], folder: &Path, life: Life) -> Command {
    let program = env!("CARGO_BIN_EXE_ordeal");
    let mut command = match wrapper.split_first() {
        None => Command::new(program),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command.arg("write").arg(folder);
    let Life { seed, life, threads, steps } = life;
    command.args([seed, life, threads.into(), steps].map(|number| number.to_string()));
    command
}

/// A number from the environment.
pub(crate) fn number(variable: &str, otherwise: u64) -> u64 {
    let told = env::var(variable).ok();
    told.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text}")))
}
