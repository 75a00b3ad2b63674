//! The judge: what a store holds, against what its writer told.

use crate::{
    ledger::{Entry, Ledger, Told},
    plan::{Holdings, Plan},
    writer::{BUCKET, PROBE_PREFIX, open},
};
use bytes::Bytes;
use cistern::{Bucket, Error};
use cistern_disk::Severity;
use std::{collections::BTreeMap, path::Path};

/// What a store has been through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Its process died: whatever was acknowledged must be there.
    Killed,
    /// The power failed: of each thread everything up to the last synced step must be there, and
    /// what is there of the rest must be a beginning of it.
    PowerLost,
}

/// What every thread's keys hold, from one life of the writer to the next.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    holdings: BTreeMap<u32, Holdings>,
    probes: Vec<String>,
}

/// One writer, as it was started.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// Of its orders.
    pub seed: u64,
    /// Of its orders.
    pub life: u64,
    /// Of its orders.
    pub threads: u32,
    /// Of its orders: it may not have come that far.
    pub steps: u64,
}

impl Judge {
    /// Opens the store that a writer left in `folder`, compares it with what the writer told, closes
    /// it, and verifies everything in it, before and after. Uploads in progress are aborted.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn judge(
        &mut self,
        folder: &Path,
        life: Life,
        ledger: &Ledger,
        trial: Trial,
    ) -> Result<(), String> {
        let told = ledger.threads()?;
        let opened = ledger.is_opened();
        if opened {
            verify(folder, "as it was left")?;
        }
        let cistern = open(folder).map_err(|error| told_by("opening", &error))?;
        match cistern.bucket(BUCKET) {
            Ok(bucket) => self.judge_bucket(&bucket, life, &told, ledger, trial)?,
            // Its creation was not acknowledged.
            Err(Error::NoSuchBucket { .. }) if !opened && self.holdings.is_empty() => {}
            Err(error) => return Err(told_by("looking for the bucket", &error)),
        }
        cistern.close().map_err(|error| told_by("closing", &error))?;
        verify(folder, "after it was opened and closed")
    }

    fn judge_bucket(
        &mut self,
        bucket: &Bucket,
        life: Life,
        told: &BTreeMap<u32, Told>,
        ledger: &Ledger,
        trial: Trial,
    ) -> Result<(), String> {
        let mut objects = 0;
        for thread in 0..life.threads {
            let told = told.get(&thread).copied().unwrap_or_default();
            let plan = Plan { seed: life.seed, life: life.life, thread };
            let found = contents(bucket, &plan.prefix())?;
            objects += found.len();
            let holdings = self.holdings.entry(thread).or_default();
            // One step more may have been done than was told.
            let most = (told.done + 1).min(life.steps);
            let least = match trial {
                Trial::Killed => told.done,
                Trial::PowerLost => told.synced,
            };
            settle(holdings, &plan, least, most, &found)?;
            check_uploads(bucket, &plan, told.done)?;
        }
        objects += self.check_probes(bucket, ledger)?;
        check_counts(bucket, objects)
    }

    /// Writes that were tried after a failure are there if they were acknowledged, and are not half
    /// there in any case.
    fn check_probes(&mut self, bucket: &Bucket, ledger: &Ledger) -> Result<usize, String> {
        let accepted = ledger.entries.iter().filter_map(|entry| match entry {
            Entry::Accepted(key) => Some(key.clone()),
            _ => None,
        });
        self.probes.extend(accepted);
        let found = contents(bucket, PROBE_PREFIX)?;
        if let Some(key) = self.probes.iter().find(|key| !found.contains_key(*key)) {
            return Err(format!("{key} was acknowledged after a failure, and is not there"));
        }
        match found.iter().find(|(key, bytes)| key.as_bytes() != &bytes[..]) {
            Some((key, _)) => Err(format!("{key} does not hold its name")),
            None => Ok(found.len()),
        }
    }
}

/// Finds how many of a thread's steps were done, and takes them in.
fn settle(
    holdings: &mut Holdings,
    plan: &Plan,
    least: u64,
    most: u64,
    found: &BTreeMap<String, Bytes>,
) -> Result<(), String> {
    (0..least).for_each(|number| holdings.apply(&plan.step(number)));
    let mut differences = Vec::new();
    for done in least..=most {
        let Some(difference) = holdings.difference(found) else { return Ok(()) };
        differences.push(format!("after {done} steps {difference}"));
        if done < most {
            holdings.apply(&plan.step(done));
        }
    }
    Err(format!("{plan:?}: {}", differences.join("; ")))
}

fn contents(bucket: &Bucket, prefix: &str) -> Result<BTreeMap<String, Bytes>, String> {
    let mut found = BTreeMap::new();
    for entry in bucket.list(prefix) {
        let entry = entry.map_err(|error| told_by("listing", &error))?;
        let key = entry.key().to_string();
        let object = bucket.get(key.as_str());
        let bytes = object.and_then(|object| object.bytes());
        let bytes = bytes.map_err(|error| told_by(&format!("reading {key}"), &error))?;
        if bytes.len() as u64 != entry.size() {
            return Err(format!(
                "{key} is listed with {} bytes, not {}",
                entry.size(),
                bytes.len()
            ));
        }
        found.insert(key, bytes);
    }
    Ok(found)
}

/// A thread has one upload in progress at most. It is aborted.
fn check_uploads(bucket: &Bucket, plan: &Plan, done: u64) -> Result<(), String> {
    let uploads: Result<Vec<_>, _> = bucket.list_uploads(plan.prefix()).collect();
    let uploads = uploads.map_err(|error| told_by("listing uploads", &error))?;
    if uploads.len() > 1 {
        return Err(format!("{plan:?} has {} uploads after {done} steps", uploads.len()));
    }
    for upload in uploads {
        let upload = bucket.upload(upload.key.as_str(), &upload.id);
        let aborted = upload.and_then(|upload| upload.abort());
        aborted.map_err(|error| told_by("aborting an upload", &error))?;
    }
    Ok(())
}

/// What is counted by every commit is what is there.
fn check_counts(bucket: &Bucket, objects: usize) -> Result<(), String> {
    let stats = bucket.stats().map_err(|error| told_by("asking for stats", &error))?;
    let classes = || stats.classes.iter().map(|(_, class)| class);
    let counted: u64 = classes().map(|class| class.objects).sum();
    let uploads: u64 = classes().map(|class| class.uploads + class.upload_bytes).sum();
    if counted != objects as u64 || uploads != 0 {
        return Err(format!("{objects} objects are there, and {stats:?} are counted"));
    }
    let mut bytes = 0;
    for entry in bucket.list("") {
        bytes += entry.map_err(|error| told_by("listing", &error))?.size();
    }
    let counted: u64 = classes().map(|class| class.object_bytes).sum();
    if counted == bytes { Ok(()) } else { Err(format!("{counted} bytes are counted, not {bytes}")) }
}

fn verify(folder: &Path, when: &str) -> Result<(), String> {
    let findings = cistern_disk::verify(folder).map_err(|error| told_by("verifying it", &error))?;
    match findings.iter().find(|finding| finding.severity == Severity::Damage) {
        Some(damage) => Err(format!("the store {when} is damaged: {damage}")),
        None => Ok(()),
    }
}

fn told_by(action: &str, error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{action}: {error}: {cause}"),
        None => format!("{action}: {error}"),
    }
}
