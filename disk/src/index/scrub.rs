//! Scrubbing of the manifest and of runs, while they are replaced and merged.

use super::{
    Index,
    cache::BlockCache,
    check,
    cursor::Keep,
    manifest::{self, Slot},
    record,
    run::{Run, damaged},
};
use crate::{device::OpenMode, scrub::ScrubProgress};
use cistern_storage_core::port::{BackendError, KeyRange, Order, Row};
use std::sync::{Arc, atomic::Ordering};

impl Index {
    /// Reads the manifest that counts. The other one is an older one, which nobody needs, and is
    /// the next to be written over.
    pub(crate) fn scrub_manifest(&self, step: &mut ScrubProgress) -> Result<(), BackendError> {
        for _ in 0..MANIFEST_ATTEMPTS {
            // Acquire, here and below: what was read in between is of this manifest if the number is
            // the same, since its file is written to only once another one counts.
            let sequence = self.manifest_sequence.load(Ordering::Acquire);
            if sequence == 0 {
                return Ok(());
            }
            let name = manifest::slot_name(sequence);
            let outcome = self.read_manifest(name, sequence);
            if self.manifest_sequence.load(Ordering::Acquire) == sequence {
                step.bytes += outcome.as_ref().copied().unwrap_or(0);
                return step.note(outcome.map(drop), name, 0, || true);
            }
        }
        // It was written anew each time: there is nothing at rest.
        Ok(())
    }

    fn read_manifest(&self, name: &str, sequence: u64) -> Result<u64, BackendError> {
        let found = match manifest::read_slot(&*self.device, name)? {
            Slot::Valid(manifest) if manifest.sequence == sequence => manifest,
            Slot::Valid(_) => return Err(damaged(name, 0, "this is not the last manifest")),
            Slot::Invalid(detail) => return Err(damaged(name, 0, detail)),
            Slot::Absent => return Err(damaged(name, 0, "it is not there")),
        };
        Ok(found.encode().len() as u64)
    }

    /// A number that no run has or had.
    pub(crate) fn run_end(&self) -> u64 {
        // Relaxed: runs that get theirs meanwhile are left to the next pass either way.
        self.next_run.load(Ordering::Relaxed)
    }

    /// The run with this number, or the one with the next higher.
    pub(crate) fn run_from(&self, id: u64) -> Option<Arc<Run>> {
        let state = self.state.read();
        let runs = state.lower.runs.iter().filter(|run| run.id() >= id);
        runs.min_by_key(|run| run.id()).cloned()
    }

    fn has_run(&self, id: u64) -> bool {
        self.state.read().lower.runs.iter().any(|run| run.id() == id)
    }

    /// Reads parts of a run from the `from`th on: first all but its blocks, then block by block.
    /// Returns which part comes next; `None` when that was the last.
    pub(crate) fn scrub_run(
        &self,
        run: &Run,
        from: u64,
        step: &mut ScrubProgress,
    ) -> Result<Option<u64>, BackendError> {
        let mut part = from;
        loop {
            let (outcome, bytes, offset) = if part == 0 {
                (self.verify_frame(run), run.frame_bytes(), 0)
            } else {
                let number = usize::try_from(part - 1).unwrap_or(usize::MAX);
                if number >= run.index().count() {
                    return Ok(None);
                }
                let range = run.index().range(number);
                (run.read_block(number).map(drop), range.end - range.start, range.start)
            };
            step.bytes += bytes;
            // No run ever comes back, so that one which is there now was there all the time.
            step.note(outcome, run.name(), offset, || self.has_run(run.id()))?;
            part += 1;
            if step.is_full() {
                return Ok(Some(part));
            }
        }
    }

    /// Reads everything of a run but its blocks: by its name, as the next opening will.
    fn verify_frame(&self, run: &Run) -> Result<(), BackendError> {
        // What is wrong with opening is told apart from what is wrong with the file.
        let opened = self.device.open(run.name(), OpenMode::Read);
        opened.map_err(|error| BackendError::io("open", run.name(), error))?;
        let found = Run::open(&*self.device, run.id(), &BlockCache::new(0))?;
        check::is_recorded(&found, record(run))
    }

    /// As [`Self::scan`], but leaves the block cache as it is.
    pub(crate) fn scan_past_cache(
        &self,
        range: KeyRange<'_>,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        self.scan_keeping(range, Order::Forward, limit, Keep::Nothing)
    }
}

/// How many times a manifest is looked at that is replaced meanwhile.
const MANIFEST_ATTEMPTS: usize = 4;
