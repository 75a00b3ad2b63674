//! A writer whose system calls fail: `strace` stands between it and the system.
//!
//! A failure may be met by a writing thread or behind its back; `when=n` counts the calls of each
//! thread apart. Whatever it was: a failed sync ends all writing, what was acknowledged is there
//! after opening anew, and the rest is there whole or not at all.

use crate::kit;
use cistern_ordeal::{
    judge::{Judge, Life, Trial},
    ledger::{Entry, Ledger},
};
use std::{
    fs,
    process::{Command, Stdio},
};

/// What a failure of this call must lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The store takes no write any more.
    Poisoned,
    /// Whoever met it is told; others may go on.
    Told,
    /// The call is made again, and nobody is told.
    MadeAgain,
}

#[test]
fn a_sync_that_fails_ends_all_writing_and_costs_nothing_acknowledged() {
    check("fdatasync", "EIO", &[1, 2, 3, 5, 8, 20], Then::Poisoned);
}

#[test]
fn a_sync_without_room_ends_all_writing_and_costs_nothing_acknowledged() {
    check("fdatasync", "ENOSPC", &[1, 4], Then::Poisoned);
}

#[test]
fn a_folder_that_cannot_be_synced_costs_nothing_acknowledged() {
    check("fsync", "EIO", &[1, 2, 4], Then::Told);
}

#[test]
fn a_write_without_room_costs_nothing_acknowledged() {
    check("pwrite64", "ENOSPC", &[1, 3, 7, 15, 31, 60], Then::Told);
}

#[test]
fn a_write_that_fails_costs_nothing_acknowledged() {
    check("pwrite64", "EIO", &[2, 6, 18, 40], Then::Told);
}

#[test]
fn a_file_that_cannot_be_opened_costs_nothing_acknowledged() {
    check("openat", "EMFILE", &[9, 12, 20], Then::Told);
}

#[test]
fn a_write_that_is_interrupted_is_made_again() {
    check("pwrite64", "EINTR", &[1, 2, 5, 20, 50], Then::MadeAgain);
}

#[test]
fn a_read_that_is_interrupted_is_made_again() {
    // The first few are those of the loader, which gives up.
    check("pread64", "EINTR", &[5, 6, 7, 8], Then::MadeAgain);
}

#[track_caller]
fn check(call: &str, error: &str, numbers: &[u32], then: Then) {
    if !strace_works() {
        println!("notice: strace is not here or may not trace; {call} was not made to fail");
        return;
    }
    let seed = kit::number("CISTERN_SEED", 20);
    let mut injected = 0;
    for number in numbers {
        injected += check_one(seed, call, error, *number, then);
    }
    assert!(injected > 0, "{call} never failed");
    println!("{call} failed {injected} times with {error}");
}

/// Returns how many calls were made to fail.
#[track_caller]
fn check_one(seed: u64, call: &str, error: &str, number: u32, then: Then) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let (store, trace) = (folder.path().join("store"), folder.path().join("trace"));
    let at = format!("CISTERN_SEED={seed}, {call} number {number} fails with {error}");
    let inject = format!("inject={call}:error={error}:when={number}");
    let trace_argument = format!("trace={call}");
    let strace = ["strace", "-f", "-qq", "-e", &trace_argument, "-e", &inject, "-o"];
    let strace: Vec<&str> = strace.into_iter().chain([trace.to_str().unwrap(), "--"]).collect();
    let life = Life { seed, life: u64::from(number), threads: 3, steps: 25 };
    let output = kit::writer(&strace, &store, life).stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let ledger = Ledger::parse(&told).unwrap();
    let traced = fs::read_to_string(&trace).unwrap();
    let injected = traced.lines().filter(|line| line.ends_with("(INJECTED)")).count();

    let failed = ledger.failures() > 0;
    assert_eq!(output.status.success(), !failed, "{at}: ended with {}, told {told}", output.status);
    let accepted = ledger.entries.iter().any(|entry| matches!(entry, Entry::Accepted(_)));
    if then == Then::Poisoned && injected > 0 {
        assert!(failed, "{at}: nobody was told");
        assert!(!accepted, "{at}: a write was acknowledged afterwards");
    }
    if then == Then::MadeAgain {
        assert!(!failed, "{at}: somebody was told: {told}");
    }
    if store.exists() {
        let outcome = Judge::default().judge(&store, life, &ledger, Trial::Killed);
        assert_eq!(outcome, Ok(()), "{at}; the writer told:\n{told}");
    } else {
        assert_eq!(ledger.done(), 0, "{at}");
    }
    injected
}

fn strace_works() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=none", "-e", "inject=fdatasync:error=EIO:when=1"]);
    let probe = strace.args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}
