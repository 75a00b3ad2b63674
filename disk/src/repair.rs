//! Repair: what is left of a damaged store, as a store of its own.
//!
//! The damaged store is only read; the result goes into another folder. What verifies is taken
//! over, what does not is left out and told. Nothing is guessed: where a newer row may be lost, an
//! older one does not take its place; where a commit is lost, no later one is kept.

use crate::{
    blob_file::BlobFileId,
    device::{Device, DeviceFile, LockError, OpenMode, RealDevice},
    engine::{self, OpenAs, identity, keyspace, meta::Meta},
    index::salvage::salvage,
    segment::{self, SegmentHeader},
    settings::DiskSettings,
    verify::{Finding, verify_on},
};
use cistern_storage_core::port::BackendError;
use std::{collections::BTreeSet, path::Path, sync::Arc};

/// What a repair found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// What of the damaged store is lost, or could not be read: empty when nothing is.
    pub lost: Vec<Finding>,
    /// What is still wrong with the result: bodies whose bytes are damaged were taken over as they
    /// are, and reading what is damaged of them fails.
    pub remains: Vec<Finding>,
}

/// Makes a store in the folder `target`, which is empty or not there, out of what is left of the
/// damaged one in `source`. Nobody may have either open.
///
/// Cost: copies everything that is kept, and reads it twice.
///
/// # Errors
/// - [`BackendError::Damaged`] when what is left is not enough for a store: both manifests, or the
///   rows that tell who owns which body. What was made in `target` until then is of no use.
/// - [`BackendError::Foreign`] when `source` is no store, or `target` not empty.
/// - [`BackendError::InUse`] when somebody has the store open.
pub fn repair(
    source: impl AsRef<Path>,
    target: impl AsRef<Path>,
) -> Result<Repaired, BackendError> {
    let source: Arc<dyn Device> = Arc::new(RealDevice::new(source.as_ref()));
    let target: Arc<dyn Device> = Arc::new(RealDevice::new(target.as_ref()));
    repair_on(&source, &target)
}

/// As [`repair`], on devices of the caller's.
///
/// # Errors
/// As [`repair`].
pub fn repair_on(
    source: &Arc<dyn Device>,
    target: &Arc<dyn Device>,
) -> Result<Repaired, BackendError> {
    check_empty(&**target)?;
    let mut lost = Vec::new();
    // Before the lock: taking it would leave a file in a folder that is no store.
    let store = identify(&**source, &mut lost)?;
    let _held = source.lock("cistern repair").map_err(|error| match error {
        LockError::Held { owner } => BackendError::InUse { place: source.place(), owner },
        LockError::Io(error) => BackendError::io("lock", source.place(), error),
    })?;
    copy_folder(&**source, &**target, segment::FOLDER, &mut lost)?;
    copy_folder(&**source, &**target, BlobFileId::FOLDER, &mut lost)?;
    let mut report = |finding| lost.push(finding);
    let meta = salvage(&**source, target, keyspace::FOREIGN, &mut report)?;
    let meta = meta.as_ref().and_then(Meta::decode).unwrap_or_default();
    // Last, so that a repair that did not come to its end has made no store.
    identity::create(&**target, Some(store))?;
    restore_headers(&**target, store, &meta, &mut lost)?;
    cut_log(target, &mut lost)?;
    let remains = verify_on(target)?;
    Ok(Repaired { lost, remains })
}

fn check_empty(target: &dyn Device) -> Result<(), BackendError> {
    for folder in ["", segment::FOLDER, BlobFileId::FOLDER] {
        let listed = target.list(folder);
        let listed = listed.map_err(|error| BackendError::io("list", target.place(), error))?;
        if !listed.is_empty() {
            let detail = "it is not empty".into();
            return Err(BackendError::Foreign { place: target.place(), detail });
        }
    }
    Ok(())
}

/// Which store it is. Every segment says so too: if all agree, no more is needed.
fn identify(source: &dyn Device, lost: &mut Vec<Finding>) -> Result<[u8; 16], BackendError> {
    let known = identity::read(source);
    if let Ok(Some(store)) = known {
        return Ok(store);
    }
    let mut stores = BTreeSet::new();
    for (name, _) in segments(source)? {
        stores.extend(read_header(source, &name).map(|header| header.store));
    }
    if stores.len() == 1 {
        let detail = "it did not verify, and was made anew from the log";
        lost.push(Finding::new(identity::FILE, 0, detail));
    }
    let store = stores.pop_first().filter(|_| stores.is_empty());
    store.ok_or_else(|| BackendError::Foreign {
        place: source.place(),
        detail: "neither its identity nor its log tells which store it is".into(),
    })
}

/// The segments of the log, by name, with their sequence numbers.
fn segments(device: &dyn Device) -> Result<Vec<(String, u64)>, BackendError> {
    let listed = device.list(segment::FOLDER);
    let listed = listed.map_err(|error| BackendError::io("list", segment::FOLDER, error))?;
    let mut segments = Vec::new();
    for entry in listed {
        let digits = entry.name.strip_suffix(".seg");
        let sequence = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        segments.extend(sequence.map(|number| (segment::file_name(number), number)));
    }
    Ok(segments)
}

fn read_header(device: &dyn Device, name: &str) -> Option<SegmentHeader> {
    let file = device.open(name, OpenMode::Read).ok()?;
    let mut bytes = [0; SegmentHeader::BYTES];
    file.read_at(&mut bytes, 0).ok()?;
    SegmentHeader::decode(&bytes).ok().filter(|header| header.file_name() == name)
}

fn copy_folder(
    source: &dyn Device,
    target: &dyn Device,
    folder: &'static str,
    lost: &mut Vec<Finding>,
) -> Result<(), BackendError> {
    let listed = source.list(folder);
    for entry in listed.map_err(|error| BackendError::io("list", folder, error))? {
        let name = format!("{folder}/{}", entry.name);
        if !entry.name.starts_with("spare-") {
            copy(source, target, &name, lost)?;
        }
    }
    target.sync_folder(folder).map_err(|error| BackendError::io("sync", folder, error))
}

/// Copies a file. Where it cannot be read there are zeros, which verify as nothing.
fn copy(
    source: &dyn Device,
    target: &dyn Device,
    name: &str,
    lost: &mut Vec<Finding>,
) -> Result<(), BackendError> {
    let io = |action| move |error| BackendError::io(action, name, error);
    let from = source.open(name, OpenMode::Read).map_err(io("open"))?;
    let to = target.open(name, OpenMode::CreateNew).map_err(io("create"))?;
    let (len, mut at) = (from.len().map_err(io("measure"))?, 0);
    while at < len {
        let piece = usize::try_from((len - at).min(PIECE_BYTES)).expect("a piece is small");
        let mut bytes = vec![0; piece];
        if let Err(error) = from.read_at(&mut bytes, at) {
            lost.push(Finding::new(name, at, format!("{piece} bytes cannot be read: {error}")));
            bytes.fill(0);
        }
        to.write_at(&bytes, at).map_err(io("write"))?;
        at += piece as u64;
    }
    to.sync().map_err(io("sync"))
}

/// Writes the headers of segments anew that the checkpoint knows and that do not say what it says.
fn restore_headers(
    target: &dyn Device,
    store: [u8; 16],
    meta: &Meta,
    lost: &mut Vec<Finding>,
) -> Result<(), BackendError> {
    for record in &meta.segments {
        let name = segment::file_name(record.sequence);
        let found = read_header(target, &name);
        let dead = record.live == 0 && record.sealed != 0 && record.sealed <= meta.end;
        if dead || found.is_some_and(|header| header.store == store && record.is_of(&header)) {
            continue;
        }
        let header = SegmentHeader {
            store,
            sequence: record.sequence,
            start: record.start,
            capacity: record.capacity,
            follows: 0,
        };
        write_header(target, &name, &header)?;
        let detail = "its header did not verify, and was made anew from the checkpoint";
        lost.push(Finding::new(name, 0, detail));
    }
    Ok(())
}

fn write_header(
    target: &dyn Device,
    name: &str,
    header: &SegmentHeader,
) -> Result<(), BackendError> {
    let io = |action| move |error| BackendError::io(action, name, error);
    let file = match target.open(name, OpenMode::Write) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            target.open(name, OpenMode::CreateNew).map_err(io("create"))?
        }
        file => file.map_err(io("open"))?,
    };
    let len = segment::HEADER_BYTES + header.capacity;
    if file.len().map_err(io("measure"))? != len {
        file.set_len(len).map_err(io("grow"))?;
    }
    file.write_at(&header.encode(), 0).map_err(io("write"))?;
    file.sync().map_err(io("sync"))?;
    target.sync_folder(segment::FOLDER).map_err(io("sync the folder of"))
}

/// Cuts the log where replay meets damage, until it meets none: whatever was committed behind the
/// first damage is lost, so that what is kept is a beginning of all that was committed.
fn cut_log(target: &Arc<dyn Device>, lost: &mut Vec<Finding>) -> Result<(), BackendError> {
    let settings = DiskSettings::new();
    loop {
        let Err(error) = engine::open(target, &settings, OpenAs::Reader) else { return Ok(()) };
        let BackendError::Damaged { place, offset, detail } = &error else { return Err(error) };
        let known = segments(&**target)?;
        let sequence = known.iter().find(|(name, _)| name == place).map(|(_, number)| *number);
        let Some(sequence) = sequence.filter(|_| *offset >= segment::HEADER_BYTES) else {
            return Err(error);
        };
        let detail = format!("{detail}; what was committed from here on is lost");
        lost.push(Finding::new(place.as_str(), *offset, detail));
        let io = |action| move |error| BackendError::io(action, place.as_str(), error);
        let file = target.open(place, OpenMode::Write).map_err(io("open"))?;
        write_zeros(&*file, *offset).map_err(io("write"))?;
        file.sync().map_err(io("sync"))?;
        for (name, _) in known.iter().filter(|(_, number)| *number > sequence) {
            target.remove(name).map_err(io("remove what follows"))?;
        }
        target.sync_folder(segment::FOLDER).map_err(io("sync the folder of"))?;
    }
}

/// Overwrites a file with zeros from `offset` on.
fn write_zeros(file: &dyn DeviceFile, offset: u64) -> std::io::Result<()> {
    let len = file.len()?;
    file.set_len(offset)?;
    file.set_len(len)
}

/// Read and written at once; lost together when part of it cannot be read.
const PIECE_BYTES: u64 = 64 << 10;

#[cfg(test)]
mod tests;
