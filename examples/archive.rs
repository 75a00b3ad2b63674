//! Archive a directory: stream every file into a versioned bucket, verify it, restore any earlier state.
//! The second run writes only what has changed, and both states can be had back.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the command line")]
#![expect(clippy::disallowed_methods, reason = "an application reads and writes files of its own")]

#[path = "archive/arguments.rs"]
mod arguments;
#[path = "archive/backup.rs"]
mod backup;
#[path = "archive/folder.rs"]
mod folder;
#[path = "archive/problem.rs"]
mod problem;
#[path = "archive/report.rs"]
mod report;
#[path = "archive/restore.rs"]
mod restore;
#[path = "archive/runs.rs"]
mod runs;
#[path = "archive/verify.rs"]
mod verify;

use arguments::{Arguments, Task};
use cistern::{Bucket, BucketOptions, Cistern, Error, EtagMode, Versioning, checksum::crc64_nvme};
use folder::Folder;
use indicatif::{ProgressBar, ProgressStyle};
use problem::{Problem, Result};
use std::{env, path::Path, process::ExitCode};

/// The bucket holds the files of one directory under this, by their paths within it.
const FILES: &str = "files/";

fn main() -> ExitCode {
    let outcome = Arguments::parse(env::args().skip(1)).and_then(|arguments| run(&arguments));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("archive: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let directory = &arguments.directory;
    match &arguments.task {
        Task::Help => {
            println!("{}", arguments::HELP);
            Ok(())
        }
        Task::Archive => archive(directory, &arguments.store),
        Task::History => {
            let (cistern, bucket) = open_for_reading(directory, &arguments.store)?;
            runs::print_all(&bucket)?;
            Ok(cistern.close()?)
        }
        Task::Restore { when, target } => {
            let (cistern, bucket) = open_for_reading(directory, &arguments.store)?;
            restore::restore(&bucket, when, target)?;
            Ok(cistern.close()?)
        }
    }
}

/// Brings the bucket to the state of the directory, checks it, and tells what that changed.
fn archive(directory: &Path, store: &Path) -> Result<()> {
    if !directory.is_dir() {
        return Err(Problem::new(format!("{} is not a directory", directory.display())));
    }
    // An archive has no use for MD5; every object has a CRC64 that is checked whenever it is read.
    let opened = Cistern::builder().disk(store).etag(EtagMode::Opaque).build();
    let cistern = opened.map_err(|error| Problem::store(store, error))?;
    let bucket = match cistern.bucket(bucket_name(directory)) {
        Err(Error::NoSuchBucket { bucket, .. }) => {
            let options = BucketOptions::new().versioning(Versioning::Enabled);
            cistern.create_bucket_with(bucket, options)?
        }
        opened => opened?,
    };
    println!("archiving {} into bucket {}", directory.display(), bucket.name());

    let folder = Folder::scan(directory, store);
    let started = cistern.clock().now();
    let mut run = backup::backup(&bucket, &folder)?;
    // The files were handed to the operating system one by one. One sync makes all of them safe, and
    // only then is the run written down.
    cistern.flush(cistern::Durability::Synced)?;
    let number = runs::record(&bucket, directory, started, &run)?;
    verify::verify(&bucket, &folder, &mut run)?;

    report::print(&bucket, number, &run)?;
    cistern.close()?;
    if run.damaged.is_empty() {
        return Ok(());
    }
    Err(Problem::new(format!(
        "{} did not come back as written; the store or the disk is not to be trusted",
        run.damaged.join(", ")
    )))
}

/// Opens an archive that must be there, without standing in the way of one who writes to it.
fn open_for_reading(directory: &Path, store: &Path) -> Result<(Cistern, Bucket)> {
    if !store.is_dir() {
        return Err(Problem::new(format!(
            "there is no archive in {}; run without --restore and --history first",
            store.display()
        )));
    }
    let opened = Cistern::builder().disk_read_only(store).build();
    let cistern = opened.map_err(|error| Problem::store(store, error))?;
    let bucket = cistern.bucket(bucket_name(directory)).map_err(|error| match error {
        Error::NoSuchBucket { .. } => Problem::new(format!(
            "{} was never archived into {}",
            directory.display(),
            store.display()
        )),
        error => error.into(),
    })?;
    Ok((cistern, bucket))
}

/// A bucket for each directory: its last name for people, a checksum of its path to tell it apart.
fn bucket_name(directory: &Path) -> String {
    let last = directory.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let plain: String = last.chars().filter(|&letter| letter.is_ascii_alphanumeric()).collect();
    let short: String = plain.chars().take(32).collect();
    let sum = crc64_nvme(directory.as_os_str().as_encoded_bytes());
    format!("archive-{}-{sum:016x}", if short.is_empty() { "root" } else { &short })
}

/// A bar that tells how far it is, how fast, and how long it will take.
fn progress(bytes: u64, what: &'static str) -> ProgressBar {
    let style = "{prefix:>9} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
    let style = ProgressStyle::with_template(style).expect("the template is one");
    ProgressBar::new(bytes).with_style(style).with_prefix(what)
}
