//! The commands `cistern-verify` and `cistern-repair`, as a user runs them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]
#![allow(clippy::disallowed_methods, reason = "damages files behind the store's back")]

use bytes::Bytes;
use cistern_disk::{DiskBackend, DiskSettings};
use cistern_storage_core::port::{Backend, Batch, Durability};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const VERIFY: &str = env!("CARGO_BIN_EXE_cistern-verify");
const REPAIR: &str = env!("CARGO_BIN_EXE_cistern-repair");

/// The exit code, what was printed, and what was complained.
fn run(program: &str, arguments: &[&OsStr]) -> (i32, String, String) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A store of a hundred rows, closed.
fn store_in(folder: &Path) {
    let store = DiskBackend::open(folder, DiskSettings::new()).unwrap();
    for number in 0..100 {
        let mut batch = Batch::new(Durability::Synced);
        batch.put(Bytes::from(format!("row-{number:02}")), Bytes::from(vec![b'x'; 200]));
        store.commit(batch).unwrap().wait().unwrap();
    }
    store.close().unwrap();
}

fn rows(folder: &Path) -> usize {
    let store = DiskBackend::open(folder, DiskSettings::new()).unwrap();
    (0..100)
        .filter(|number| store.row(format!("row-{number:02}").as_bytes()).unwrap().is_some())
        .count()
}

fn file_in(folder: &Path, ending: &str) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.to_str().unwrap().ends_with(ending)).unwrap()
}

fn flip_a_bit(file: &Path, offset: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[offset] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_whole_store_verifies_with_exit_code_0() {
    let folder = tempfile::tempdir().unwrap();
    store_in(folder.path());
    let (code, printed, complained) = run(VERIFY, &[folder.path().as_os_str()]);
    assert_eq!((code, complained.as_str()), (0, ""), "{printed}");
    assert!(printed.ends_with(": 0 damaged places\n"), "{printed}");
}

#[test]
fn a_damaged_store_is_told_by_file_and_place_with_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    store_in(folder.path());
    flip_a_bit(&file_in(&folder.path().join("runs"), ".run"), 100);
    let (code, printed, _) = run(VERIFY, &[folder.path().as_os_str()]);
    assert_eq!(code, 1, "{printed}");
    assert!(printed.starts_with("damage: runs/"), "{printed}");
    assert!(printed.contains(".run at byte "), "{printed}");
}

#[test]
fn without_a_store_or_with_wrong_arguments_the_exit_code_is_2() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let (here, other) = (folder.path().as_os_str(), missing.as_os_str());
    for (program, arguments) in [
        (VERIFY, &[][..]),
        (VERIFY, &[here]),
        (VERIFY, &[other]),
        (VERIFY, &[here, other]),
        (REPAIR, &[]),
        (REPAIR, &[here]),
        (REPAIR, &[here, other, other]),
        (REPAIR, &[here, other]),
        (REPAIR, &[other, here]),
    ] {
        let (code, printed, complained) = run(program, arguments);
        assert_eq!((code, printed.as_str()), (2, ""), "{program} {arguments:?}");
        assert!(!complained.is_empty());
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "nothing is made where there is no store: {left:?}");
}

#[test]
fn a_whole_store_is_repaired_to_the_same_with_exit_code_0() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("old"), folder.path().join("new"));
    store_in(&source);
    let (code, printed, _) = run(REPAIR, &[source.as_os_str(), target.as_os_str()]);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(rows(&target), 100);
}

#[test]
fn a_repair_tells_what_is_lost_with_exit_code_1_and_makes_a_store_that_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("old"), folder.path().join("new"));
    store_in(&source);
    flip_a_bit(&file_in(&source.join("runs"), ".run"), 100);
    let (code, printed, _) = run(REPAIR, &[source.as_os_str(), target.as_os_str()]);
    assert_eq!(code, 1, "{printed}");
    assert!(printed.starts_with("lost: runs/"), "{printed}");
    let (code, printed, _) = run(VERIFY, &[target.as_os_str()]);
    assert_eq!(code, 0, "{printed}");
    let left = rows(&target);
    assert!(0 < left && left < 100, "{left} rows are left");
}
