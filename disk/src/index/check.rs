//! Verifies runs and manifests, and says what it finds. Never writes.

use super::{
    bloom,
    cache::BlockCache,
    manifest::{Found, NAMES, RunRecord, Slot, read, read_slot},
    run::{Run, damaged},
};
use crate::{device::Device, verify::Finding};
use cistern_storage_core::port::BackendError;

/// Reads the manifests; reports those that do not verify.
///
/// # Errors
/// When the device fails, or both are damaged.
pub(crate) fn manifests(
    device: &dyn Device,
    report: &mut dyn FnMut(Finding),
) -> Result<Found, BackendError> {
    for name in NAMES {
        if let Slot::Invalid(detail) = read_slot(device, name)? {
            report(Finding::new(name, 0, detail));
        }
    }
    read(device)
}

/// Reads a whole run and reports what is wrong with it.
///
/// # Errors
/// When the device fails; damage is reported, not returned.
pub(crate) fn run(
    device: &dyn Device,
    record: RunRecord,
    report: &mut dyn FnMut(Finding),
) -> Result<(), BackendError> {
    let outcome = Run::open(device, record.id, &BlockCache::new(0)).and_then(|run| {
        is_recorded(&run, record)?;
        rows(&run, report)
    });
    match outcome {
        Err(BackendError::Damaged { place, offset, detail }) => {
            report(Finding::new(place, offset, detail));
            Ok(())
        }
        outcome => outcome,
    }
}

/// Checks that a run is the one that the manifest means.
///
/// # Errors
/// [`BackendError::Damaged`] when it is not.
pub(super) fn is_recorded(run: &Run, record: RunRecord) -> Result<(), BackendError> {
    if run.len() == record.len && run.sum() == record.sum {
        return Ok(());
    }
    Err(damaged(run.name(), run.len(), "the run is not the one that the manifest names"))
}

/// Reads all rows of a run. Damage in one block is reported and the next is read.
pub(super) fn rows(run: &Run, report: &mut dyn FnMut(Finding)) -> Result<(), BackendError> {
    let mut before: Option<Vec<u8>> = None;
    let mut key = Vec::new();
    let (mut entries, mut tombstones, mut whole) = (0, 0, true);
    let index = run.index();
    for number in 0..index.count() {
        let range = index.range(number);
        let block = match run.read_block(number) {
            Ok(block) => block,
            Err(BackendError::Damaged { place, offset, detail }) => {
                report(Finding::new(place, offset, detail));
                whole = false;
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut wrong = |detail| report(Finding::new(run.name(), range.start, detail));
        for entry in 0..block.count() {
            block.key_into(entry, &mut key);
            if before.as_ref().is_some_and(|before| *before >= key) {
                wrong("a key is not above the one before it");
            }
            if index.find(&key) != number {
                wrong("a key is in another block than the index says");
            }
            if !run.may_contain(bloom::hash(&key)) {
                wrong("a key is missing from the filter");
            }
            entries += 1;
            tombstones += u64::from(block.value(entry).is_none());
            before.get_or_insert_default().clone_from(&key);
        }
    }
    if whole && (entries, tombstones) != (run.entries(), run.tombstones()) {
        report(Finding::new(run.name(), run.len(), "the footer counts other rows than there are"));
    }
    if whole && before.as_deref() != Some(index.last_key()) {
        report(Finding::new(run.name(), run.len(), "the last key is not the one the index names"));
    }
    Ok(())
}
