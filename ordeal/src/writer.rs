//! The writer: does the steps of its plans, and tells each that was acknowledged.

use crate::{
    ledger::Entry,
    plan::{Act, Plan, Step},
};
use cistern::{
    Bucket, Cistern, CompleteOptions, CompletedPart, CopyOptions, CopySource, DeleteOptions,
    DiskSettings, Durability, Error, Limits, PartOptions, PutOptions, Result, UploadOptions,
};
use std::{
    io::Write,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// How a writer is started.
#[derive(Clone, Copy, Debug)]
pub struct Orders {
    /// Tells the plans, with `life`.
    pub seed: u64,
    /// How often the writer was started on this store.
    pub life: u64,
    /// How many threads write.
    pub threads: u32,
    /// How many steps each does, unless something ends it.
    pub steps: u64,
    /// What the steps wait for.
    pub waits: Waits,
}

/// What the steps of a writer wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// What the plans say.
    AsPlanned,
    /// Never for the medium: every step is acknowledged at `Os`. Judged as if it had been synced,
    /// such a writer must be found out.
    AtOs,
}

/// The bucket that everything happens in.
pub const BUCKET: &str = "ordeal";

/// Opens the store with small numbers, so that segments, checkpoints, merges and compactions come
/// often.
///
/// # Errors
/// When it cannot be opened.
pub fn open(folder: &Path) -> Result<Cistern> {
    let settings = DiskSettings::new()
        .segment_bytes(1 << 20)
        .overlay_bytes_max(48 << 10)
        .log_bytes_max(2 << 20)
        // Between this and what is written past the log's buffer there is some room for both.
        .blob_file_bytes_min(320 << 10);
    let mut limits = Limits::current();
    limits.part_bytes_min = 1;
    Cistern::builder().disk_with(folder, settings).limits(limits).build()
}

/// Writes to the store in `folder`. True when nothing failed.
pub fn write(folder: &Path, orders: Orders) -> bool {
    let opened = open(folder).and_then(|cistern| {
        let bucket = match cistern.create_bucket(BUCKET) {
            Err(Error::BucketAlreadyOwnedByYou { .. }) => cistern.bucket(BUCKET),
            created => created,
        }?;
        Ok((cistern, bucket))
    });
    let (cistern, bucket) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            tell(&Entry::Broken(with_causes(&error)));
            return false;
        }
    };
    tell(&Entry::Opened);
    let failed = AtomicBool::new(false);
    thread::scope(|scope| {
        for thread in 0..orders.threads {
            let plan = Plan { seed: orders.seed, life: orders.life, thread };
            let (bucket, failed) = (&bucket, &failed);
            scope.spawn(move || follow(plan, &orders, bucket, failed));
        }
    });
    let mut failed = failed.into_inner();
    if failed {
        probe(&bucket);
    }
    if let Err(error) = cistern.close() {
        tell(&Entry::Broken(with_causes(&error)));
        failed = true;
    }
    !failed
}

fn follow(plan: Plan, orders: &Orders, bucket: &Bucket, failed: &AtomicBool) {
    for number in 0..orders.steps {
        // Relaxed: a hint to stop, and no matter of order.
        if failed.load(Ordering::Relaxed) {
            return;
        }
        let mut step = plan.step(number);
        if orders.waits == Waits::AtOs {
            step.durability = Durability::Os;
        }
        match act(bucket, &step) {
            Ok(()) => tell(&Entry::Done(plan.thread, number, step.durability)),
            Err(error) => {
                failed.store(true, Ordering::Relaxed);
                tell(&Entry::Failed(plan.thread, number, with_causes(&error)));
                return;
            }
        }
    }
}

fn act(bucket: &Bucket, step: &Step) -> Result<()> {
    let (key, durability) = (step.key.as_str(), step.durability);
    match &step.act {
        Act::Put(piece) => {
            let options = PutOptions::new().durability(durability);
            bucket.put_with(key, piece.bytes(), &options).map(drop)
        }
        Act::Upload(pieces) => {
            let options = UploadOptions::new().durability(durability);
            let upload = bucket.create_upload_with(key, &options)?;
            let mut parts: Vec<CompletedPart> = Vec::new();
            for (number, piece) in (1..).zip(pieces) {
                let options = PartOptions::new().durability(durability);
                let part = upload.put_part_with(number, piece.bytes(), &options)?;
                parts.push((&part).into());
            }
            let options = CompleteOptions::new().durability(durability);
            upload.complete_with(&parts, &options).map(drop)
        }
        Act::Copy(from) => {
            let source = CopySource::new(bucket, from.as_str())?;
            let options = CopyOptions::new().durability(durability);
            match bucket.copy_with(&source, key, &options) {
                Err(Error::NoSuchKey { .. }) => Ok(()),
                copied => copied.map(drop),
            }
        }
        Act::Delete => {
            bucket.delete_with(key, &DeleteOptions::new().durability(durability)).map(drop)
        }
    }
}

/// After a failure: what becomes of further writes?
fn probe(bucket: &Bucket) {
    for number in 0..PROBES {
        let key = format!("{PROBE_PREFIX}{number}");
        let options = PutOptions::new().durability(Durability::Synced);
        tell(&match bucket.put_with(key.as_str(), key.as_bytes(), &options) {
            Ok(_) => Entry::Accepted(key),
            Err(error) => Entry::Refused(with_causes(&error)),
        });
    }
}

/// One write a line, so that a line is told whole or not at all.
fn tell(entry: &Entry) {
    let line = format!("{entry}\n");
    // Whoever listened is gone: then nobody is told anything any more.
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.replace('\n', " ")
}

/// What the keys of the writes after a failure begin with; each holds its own name.
pub const PROBE_PREFIX: &str = "probe/";
const PROBES: u32 = 3;
