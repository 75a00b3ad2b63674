//! Every run is an object too: what it did, and a place in the order of writes.

use crate::{
    backup::Run,
    problem::{Problem, Result},
};
use cistern::{Bucket, Error, Metadata, ObjectInfo, PutOptions, Timestamp};
use serde_json::{Value, json};
use std::path::Path;

const RUNS: &str = "runs/";

/// Which state of the directory is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    /// As it was when the run with this place in the order of writes was written down.
    Before(u64),
    /// As it was at this moment.
    At(Timestamp),
}

impl State {
    /// True for a version that had been written by then.
    pub(crate) fn has(self, version: &ObjectInfo) -> bool {
        match self {
            Self::Before(sequence) => version.sequence() < sequence,
            Self::At(moment) => version.last_modified() <= moment,
        }
    }
}

/// Writes a run down, once all it wrote is safe. Gives back its number.
pub(crate) fn record(
    bucket: &Bucket,
    directory: &Path,
    started: Timestamp,
    run: &Run,
) -> Result<u64> {
    let last = match all(bucket).last() {
        Some(run) => number_of(&run?)?,
        None => 0,
    };
    let text = json!({
        "directory": directory.to_string_lossy(),
        "started": started.to_iso8601(),
        "new": run.new.len(),
        "changed": run.changed.len(),
        "deleted": run.deleted.len(),
        "unchanged": run.unchanged,
        "skipped": run.skipped.len(),
        "bytes_written": run.bytes_written,
    })
    .to_string();
    let number = last + 1;
    let options = PutOptions::new()
        .metadata(Metadata::new().with_content_type("application/json")?)
        .if_absent();
    bucket.put_with(key(number), text, &options)?;
    Ok(number)
}

/// Prints all runs, oldest first.
pub(crate) fn print_all(bucket: &Bucket) -> Result<()> {
    for run in all(bucket) {
        let run = run?;
        let text = bucket.get(run.key())?.text()?;
        let facts: Value = serde_json::from_str(&text)
            .map_err(|error| Problem::new(format!("{} cannot be read: {error}", run.key())))?;
        println!(
            "{:>4}  {}  {} new, {} changed, {} deleted, {} unchanged",
            number_of(&run)?,
            run.last_modified(),
            facts["new"],
            facts["changed"],
            facts["deleted"],
            facts["unchanged"],
        );
    }
    Ok(())
}

/// Reads what stands behind `--restore`: the number of a run, a date, or a time.
pub(crate) fn state(bucket: &Bucket, when: &str) -> Result<State> {
    if let Ok(number) = when.parse::<u64>() {
        return match bucket.head(key(number)) {
            Ok(run) => Ok(State::Before(run.sequence())),
            Err(Error::NoSuchKey { .. }) => {
                Err(Problem::new(format!("there is no run {number}; --history lists them")))
            }
            Err(error) => Err(error.into()),
        };
    }
    let moments = [when.to_owned(), format!("{when}Z"), format!("{when}T23:59:59.999Z")];
    let moment = moments.iter().find_map(|text| Timestamp::parse_iso8601(text));
    moment.map(State::At).ok_or_else(|| {
        Problem::new(format!(
            "`{when}` is neither a run nor a date such as 2026-11-23 or 2026-11-23T07:00:00Z"
        ))
    })
}

fn all(bucket: &Bucket) -> impl Iterator<Item = cistern::Result<ObjectInfo>> {
    bucket.list(RUNS)
}

/// With so many digits, the order of keys is that of numbers.
fn key(number: u64) -> String {
    format!("{RUNS}{number:09}.json")
}

fn number_of(run: &ObjectInfo) -> Result<u64> {
    let name = run.key().as_str();
    let digits = name[RUNS.len()..].strip_suffix(".json");
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Problem::new(format!("{name} is not a run of this program")))
}
