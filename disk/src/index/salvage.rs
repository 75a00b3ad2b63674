//! Salvage: the rows of a damaged base, in a new one.
//!
//! A block that does not verify may have held newer rows and tombstones than older runs have for
//! the same keys. So what older runs say about the keys of a lost block is not taken over: it might
//! be out of date. Newer runs are right about them all the same.

use super::{
    Tombstones,
    cache::BlockCache,
    check,
    cursor::{Merged, RowsCursor, Source},
    fill,
    manifest::{self, Manifest, ManifestWriter},
    record,
    run::{Run, damaged},
    run_writer::RunWriter,
};
use crate::{device::Device, verify::Finding};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, Order};
use parking_lot::Mutex;
use std::sync::Arc;

/// Keys that a lost block may have held, and the run it was in: 0 is the newest.
#[derive(Debug)]
struct Lost {
    run: usize,
    start: Vec<u8>,
    /// The first key of the next block, or the last key of the run.
    end: Vec<u8>,
    ends_with_run: bool,
}

impl Lost {
    fn contains(&self, key: &[u8]) -> bool {
        let (start, end) = (self.start.as_slice(), self.end.as_slice());
        key >= start && (key < end || (self.ends_with_run && key == end))
    }
}

/// Makes in `target` the base that `source` has, and says what of it is lost. Keys below
/// `engine_end` are the engine's own: without them its books do not balance. Returns the engine's
/// word on the checkpoint; `None` when there is no valid manifest, and then nothing is made.
///
/// # Errors
/// [`BackendError::Damaged`] when what is left is not enough; when a device fails.
pub(crate) fn salvage(
    source: &dyn Device,
    target: &Arc<dyn Device>,
    engine_end: &[u8],
    report: &mut dyn FnMut(Finding),
) -> Result<Option<Bytes>, BackendError> {
    let found = match manifest::read(source) {
        Ok(found) => found.manifest,
        Err(BackendError::Damaged { place, offset, detail }) => {
            report(Finding::new(place, offset, detail));
            None
        }
        Err(error) => return Err(error),
    };
    let Some(manifest) = found else { return Ok(None) };
    let cache = BlockCache::new(0);
    let open = |record: &manifest::RunRecord| {
        let run = Run::open_without_filter(source, record.id, &cache)?;
        check::is_recorded(&run, *record)?;
        Ok(run)
    };
    let runs = manifest.runs.iter().map(open).collect::<Result<Vec<_>, BackendError>>()?;
    let lost = find_lost(&runs, report)?;
    if let Some(lost) = lost.iter().find(|lost| lost.start.as_slice() < engine_end) {
        let detail = "rows that tell who owns which body are lost";
        return Err(damaged(runs[lost.run].name(), 0, detail));
    }
    let run = rewrite(&runs, &lost, target, manifest.next_run, &cache)?;
    let Manifest { next_run, meta, .. } = manifest;
    let records = run.iter().map(record).collect();
    ManifestWriter::after(None).write(&**target, next_run + 1, records, meta.clone())?;
    Ok(Some(meta))
}

/// Reads all blocks; reports those that are lost.
fn find_lost(runs: &[Run], report: &mut dyn FnMut(Finding)) -> Result<Vec<Lost>, BackendError> {
    let mut all = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        for block in 0..run.index().count() {
            let (offset, detail) = match run.read_block(block) {
                Ok(_) => continue,
                Err(BackendError::Damaged { offset, detail, .. }) => (offset, detail),
                // A sector that cannot be read is lost as well.
                Err(error) => (run.index().range(block).start, error.to_string()),
            };
            let ends_with_run = block + 1 == run.index().count();
            let end = if ends_with_run {
                run.index().last_key().to_vec()
            } else {
                run.index().separator(block + 1)
            };
            let lost =
                Lost { run: number, start: run.index().separator(block), end, ends_with_run };
            let (from, to) = (lost.start.escape_ascii(), lost.end.escape_ascii());
            let detail = format!("{detail}; rows from `{from}` to `{to}` are lost or left out");
            report(Finding::new(run.name(), offset, detail));
            all.push(lost);
        }
    }
    Ok(all)
}

/// Merges what is left of all runs into one.
fn rewrite(
    runs: &[Run],
    lost: &[Lost],
    target: &Arc<dyn Device>,
    id: u64,
    cache: &Arc<BlockCache>,
) -> Result<Option<Run>, BackendError> {
    let failure = Mutex::new(None);
    let sources = runs.iter().enumerate().map(|(number, run)| {
        let newer =
            move |key: &[u8]| lost.iter().any(|lost| lost.run < number && lost.contains(key));
        let is_lost = move |block: usize| {
            let start = run.index().separator(block);
            lost.iter().any(|lost| lost.run == number && lost.start == start)
        };
        let rows = (0..run.index().count())
            .filter(move |block| !is_lost(*block))
            .map_while(|block| rows_of(run, block).map_err(|e| failure.lock().replace(e)).ok())
            .flatten();
        Source::Rows(RowsCursor::new(rows.filter(move |(key, _)| !newer(key))))
    });
    let mut merged = Merged::new(sources.collect(), Order::Forward);
    let entries_max = runs.iter().map(Run::entries).sum();
    let mut writer = RunWriter::create(target, id, entries_max)?;
    fill(&mut writer, &mut merged, Tombstones::Drop, u64::MAX)?;
    drop(merged);
    if let Some(error) = failure.into_inner() {
        return Err(error);
    }
    writer.finish(cache)
}

/// The entries of one block.
fn rows_of(run: &Run, block: usize) -> Result<Vec<(Bytes, Option<Bytes>)>, BackendError> {
    let block = run.read_block(block)?;
    let mut key = Vec::new();
    let row = |number| {
        block.key_into(number, &mut key);
        let value = block.value(number).map(Bytes::copy_from_slice);
        (Bytes::copy_from_slice(&key), value)
    };
    Ok((0..block.count()).map(row).collect())
}
