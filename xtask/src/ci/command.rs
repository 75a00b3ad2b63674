//! Running programs: their output passes through, their failure becomes ours.

use crate::{Failure, Result};
use std::{
    env,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

const POLL: Duration = Duration::from_millis(20);
const PROBE_MAX: Duration = Duration::from_secs(60);

/// The cargo that started us, or the one in the path.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs to the end.
pub(super) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    judge(command, status)
}

/// Runs to the end and gives what was printed; errors pass through.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| not_started(command, &error))?;
    judge(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs to the end, but no longer than `limit`, without a terminal to ask at.
pub(super) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    command.stdin(Stdio::null());
    let mut child = command.spawn().map_err(|error| not_started(command, &error))?;
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return judge(command, status),
            Ok(None) if began.elapsed() < limit => thread::sleep(POLL),
            Ok(None) => {
                // It may have ended by itself just now; then there is nothing to kill.
                drop(child.kill());
                drop(child.wait());
                let seconds = limit.as_secs();
                return Err(Failure::new(format!("`{}` took over {seconds} s", line(command))));
            }
            Err(error) => return Err(not_started(command, &error)),
        }
    }
}

/// True when the program is there and succeeds in a minute; what it prints is dropped.
pub(super) fn succeeds(command: &mut Command) -> bool {
    run_within(command.stdout(Stdio::null()).stderr(Stdio::null()), PROBE_MAX).is_ok()
}

fn judge(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("`{}` ended with {status}", line(command))))
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot run `{}`: {error}", line(command)))
}

/// The command as a person would type it.
fn line(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or(&program).to_owned();
    let arguments = command.get_args().map(|one| one.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_as_typed() {
        let failure = run(cargo().args(["no-such-command", "--really"]).stderr(Stdio::null()));
        let message = failure.unwrap_err().to_string();
        assert!(message.starts_with("`cargo no-such-command --really` ended with "), "{message}");
    }

    #[test]
    fn a_program_that_is_not_there_is_told() {
        assert!(!succeeds(&mut Command::new("cistern-has-no-such-program")));
        let failure = run(&mut Command::new("cistern-has-no-such-program")).unwrap_err();
        assert!(failure.to_string().starts_with("cannot run `cistern-has-no-such-program`: "));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_goes_on_too_long_is_ended() {
        let mut slow = Command::new("sleep");
        let failure = run_within(slow.arg("60"), Duration::from_millis(50)).unwrap_err();
        assert_eq!(failure.to_string(), "`sleep 60` took over 0 s");
    }

    #[test]
    fn a_program_that_ends_in_time_is_judged_by_its_status() {
        assert!(run_within(cargo().arg("--version").stdout(Stdio::null()), Duration::MAX).is_ok());
    }
}
