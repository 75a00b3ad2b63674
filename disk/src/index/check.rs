//! Verifies runs and manifests, and says what it finds. Never writes.

use super::{
    bloom,
    cache::BlockCache,
    manifest::{NAMES, RunRecord, Slot, read, read_slot},
    run::{FOLDER, Run, damaged, id_of},
};
use crate::{device::Device, verify::Finding};
use cistern_storage_core::port::BackendError;
use std::io;

/// Reads the manifests and all runs, whether the store can be opened or not, and reports what is
/// wrong with them.
///
/// # Errors
/// When the device fails; damage is reported, not returned.
pub(crate) fn base(
    device: &dyn Device,
    report: &mut dyn FnMut(Finding),
) -> Result<(), BackendError> {
    let found = match read(device) {
        Ok(found) => found,
        Err(error) => return report_damage(Err(error), NAMES[0], report),
    };
    for name in NAMES {
        if let Slot::Invalid(detail) = read_slot(device, name)? {
            // Beside a valid one it may have been under way when the machine stopped.
            report(Finding::note(name, 0, detail));
        }
    }
    let records = found.manifest.map(|manifest| manifest.runs).unwrap_or_default();
    for record in &records {
        run(device, *record, report)?;
    }
    let listed = device.list(FOLDER).map_err(|error| BackendError::io("list", FOLDER, error))?;
    for entry in listed {
        let id = id_of(&entry.name);
        if records.iter().all(|record| Some(record.id) != id) {
            let name = format!("{FOLDER}/{}", entry.name);
            report(Finding::note(
                name,
                0,
                "no manifest names this run; opening the store removes it",
            ));
        }
    }
    Ok(())
}

/// Reads a whole run and reports what is wrong with it.
///
/// # Errors
/// When the device fails; damage is reported, not returned.
fn run(
    device: &dyn Device,
    record: RunRecord,
    report: &mut dyn FnMut(Finding),
) -> Result<(), BackendError> {
    let outcome = Run::open(device, record.id, &BlockCache::new(0)).and_then(|run| {
        is_recorded(&run, record)?;
        rows(&run, report)
    });
    report_damage(outcome, FOLDER, report)
}

/// Turns damage into a finding. `place` is where something lies that is missing.
///
/// # Errors
/// Whatever else failed.
pub(crate) fn report_damage(
    outcome: Result<(), BackendError>,
    place: &str,
    report: &mut dyn FnMut(Finding),
) -> Result<(), BackendError> {
    match outcome {
        Err(BackendError::Damaged { place, offset, detail }) => {
            report(Finding::new(place, offset, detail));
            Ok(())
        }
        Err(BackendError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            report(Finding::new(place, 0, "it is not there"));
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
