//! The manifest: which runs make up the base, and the engine's own word on the checkpoint.
//!
//! Two files, `manifest-a` and `manifest-b`, are written in turn, in place: no name changes after
//! the first two checkpoints, and a checkpoint costs one sync. Each carries a sequence number and a
//! sum; the valid one with the higher number counts. A crash while one is written leaves the other.
//!
//! ```text
//! magic 8 | version u32 | runs u32 | sequence u64 | next run id u64 | meta length u64
//! runs times: id u64, file length u64, footer sum u64
//! meta
//! sum u64 of all of the above
//! ```

use super::{
    run::damaged,
    sum::{array, checksum},
};
use crate::{
    again,
    device::{Device, DeviceFile, OpenMode},
};
use bytes::Bytes;
use cistern_storage_core::port::BackendError;
use std::{io, sync::Arc};

/// What a manifest begins with.
pub(super) const MAGIC: [u8; 8] = *b"CISTMAN\0";

/// The version of the format of manifests.
pub(super) const VERSION: u32 = 1;

/// The two files, by turns.
pub(crate) const NAMES: [&str; 2] = ["manifest-a", "manifest-b"];

const HEADER_BYTES: usize = 40;
const RUN_BYTES: usize = 24;

/// Which run is meant, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunRecord {
    pub(super) id: u64,
    /// Length of its file.
    pub(super) len: u64,
    /// Its footer's sum.
    pub(super) sum: u64,
}

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(super) sequence: u64,
    pub(super) next_run: u64,
    /// The runs, the newest first.
    pub(super) runs: Vec<RunRecord>,
    /// The engine's word on the checkpoint.
    pub(super) meta: Bytes,
}

impl Manifest {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.runs.len() * RUN_BYTES + 8);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        let runs = u32::try_from(self.runs.len()).expect("the runs of a store are few");
        bytes.extend_from_slice(&runs.to_le_bytes());
        for word in [self.sequence, self.next_run, self.meta.len() as u64] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        for run in &self.runs {
            for word in [run.id, run.len, run.sum] {
                bytes.extend_from_slice(&word.to_le_bytes());
            }
        }
        bytes.extend_from_slice(&self.meta);
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads a manifest; older, longer content may follow it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn decode(bytes: &Bytes) -> Result<Self, &'static str> {
        const SHORT: &str = "the manifest is cut short";
        let header: [u8; HEADER_BYTES] = array(bytes.get(..HEADER_BYTES).ok_or(SHORT)?, 0);
        if header[..8] != MAGIC {
            return Err("this is not a manifest");
        }
        let word = |bytes: &[u8], at: usize| u64::from_le_bytes(array(bytes, at));
        let length = |len: u64| usize::try_from(len).map_err(|_| SHORT);
        let run_count = u32::from_le_bytes(array(&header, 12));
        let meta_at = (length(run_count.into())?)
            .checked_mul(RUN_BYTES)
            .and_then(|len| len.checked_add(HEADER_BYTES))
            .ok_or(SHORT)?;
        let sum_at = length(word(&header, 32))?.checked_add(meta_at).ok_or(SHORT)?;
        let sum = bytes.get(sum_at..sum_at.checked_add(8).ok_or(SHORT)?).ok_or(SHORT)?;
        if word(sum, 0) != checksum(&bytes[..sum_at]) {
            return Err("the manifest's checksum does not match");
        }
        if u32::from_le_bytes(array(&header, 8)) != VERSION {
            return Err("the manifest's version is not known");
        }
        let runs = bytes[HEADER_BYTES..meta_at].chunks_exact(RUN_BYTES);
        Ok(Self {
            sequence: word(&header, 16),
            next_run: word(&header, 24),
            runs: runs
                .map(|run| RunRecord { id: word(run, 0), len: word(run, 8), sum: word(run, 16) })
                .collect(),
            meta: bytes.slice(meta_at..sum_at),
        })
    }
}

/// What stands in one of the two files.
#[derive(Debug)]
pub(crate) enum Slot {
    /// No such file.
    Absent,
    /// A manifest.
    Valid(Manifest),
    /// Something else, and what is wrong with it: a torn write, or damage.
    Invalid(&'static str),
}

/// Reads one of the two files.
///
/// # Errors
/// When the device fails.
pub(crate) fn read_slot(device: &dyn Device, name: &str) -> Result<Slot, BackendError> {
    let io = |error| BackendError::io("read", name, error);
    let file = match device.open(name, OpenMode::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Slot::Absent),
        Err(error) => return Err(io(error)),
    };
    let len = usize::try_from(file.len().map_err(io)?)
        .map_err(|_| damaged(name, 0, "the manifest is larger than memory"))?;
    let mut bytes = vec![0; len];
    file.read_at(&mut bytes, 0).map_err(io)?;
    Ok(Manifest::decode(&bytes.into()).map_or_else(Slot::Invalid, Slot::Valid))
}

/// What opening found in both files.
#[derive(Debug)]
pub(crate) struct Found {
    /// The newest valid manifest.
    pub(super) manifest: Option<Manifest>,
    /// True when one of the files holds something else than a manifest.
    pub(super) one_invalid: bool,
}

/// Reads both files and chooses.
///
/// One that does not verify beside a valid one was being written when the machine stopped, or was
/// damaged since: the older one is taken, and whether the log reaches back to it is for the engine
/// to say. Both at once are damage.
///
/// # Errors
/// [`BackendError::Damaged`] when both files are there and neither is valid.
pub(crate) fn read(device: &dyn Device) -> Result<Found, BackendError> {
    let slots = [read_slot(device, NAMES[0])?, read_slot(device, NAMES[1])?];
    if let [Slot::Invalid(first), Slot::Invalid(second)] = &slots {
        return Err(damaged(NAMES[0], 0, &format!("{first}; and in {}: {second}", NAMES[1])));
    }
    let one_invalid = slots.iter().any(|slot| matches!(slot, Slot::Invalid(_)));
    let valid = slots.into_iter().filter_map(|slot| match slot {
        Slot::Valid(manifest) => Some(manifest),
        Slot::Absent | Slot::Invalid(_) => None,
    });
    Ok(Found { manifest: valid.max_by_key(|manifest| manifest.sequence), one_invalid })
}

/// Makes the manifest durable that was found, see [`again`]: files that only an older one names may
/// be removed, and segments used again, once it is.
///
/// # Errors
/// When the device fails.
pub(super) fn save_again(device: &dyn Device, manifest: &Manifest) -> Result<(), BackendError> {
    let name = slot_name(manifest.sequence);
    let io = |action| move |error| BackendError::io(action, name, error);
    let file = device.open(name, OpenMode::Write).map_err(io("open"))?;
    again::write(&*file).map_err(io("write"))?;
    file.sync().map_err(io("sync"))?;
    device.sync_folder("").map_err(io("sync the folder of"))
}

/// Even sequences stand in the first file, odd ones in the second.
pub(super) fn slot_name(sequence: u64) -> &'static str {
    NAMES[usize::from(sequence % 2 == 1)]
}

/// Writes manifests. After a sync that failed it writes no more: what is on the medium is in doubt
/// then. A write that failed, as for want of room, may be tried again: it has spoilt at most the
/// file that was due to be replaced.
#[derive(Debug)]
pub(super) struct ManifestWriter {
    files: [Option<Arc<dyn DeviceFile>>; 2],
    sequence: u64,
    meta: Option<Bytes>,
    failed: Option<String>,
}

impl ManifestWriter {
    /// Goes on after `manifest`. Files take turns, so the newest valid manifest is never written
    /// over.
    pub(super) fn after(manifest: Option<&Manifest>) -> Self {
        Self {
            files: [None, None],
            sequence: manifest.map_or(0, |manifest| manifest.sequence),
            meta: manifest.map(|manifest| manifest.meta.clone()),
            failed: None,
        }
    }

    /// The number of the last manifest.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The engine's word in the last manifest.
    pub(super) fn meta(&self) -> Option<&Bytes> {
        self.meta.as_ref()
    }

    /// Writes a manifest with `runs` and `meta` and makes it durable.
    ///
    /// # Errors
    /// When it cannot be written: either the old or the new one is found at the next opening. When
    /// it cannot be synced: then every later call is refused, too.
    pub(super) fn write(
        &mut self,
        device: &dyn Device,
        next_run: u64,
        runs: Vec<RunRecord>,
        meta: Bytes,
    ) -> Result<(), BackendError> {
        if let Some(cause) = &self.failed {
            return Err(BackendError::Poisoned { cause: cause.clone() });
        }
        let sequence = self.sequence + 1;
        let slot = usize::from(sequence % 2 == 1);
        let name = slot_name(sequence);
        let is_first = self.files[slot].is_none();
        let file = match &self.files[slot] {
            Some(file) => Arc::clone(file),
            None => open_slot(device, name)?,
        };
        let manifest = Manifest { sequence, next_run, runs, meta };
        let io = |action| move |error| BackendError::io(action, name, error);
        file.write_at(&manifest.encode(), 0).map_err(io("write"))?;
        let mut synced = file.sync().map_err(io("sync"));
        // A name is made durable once in the life of a writer, even if the file was there already:
        // whoever made it may have died before the folder was synced.
        if is_first {
            synced = synced.and_then(|()| device.sync_folder("").map_err(io("sync the folder of")));
        }
        if let Err(error) = &synced {
            self.failed = Some(format!("sync {name}: {error}"));
            return synced;
        }
        self.files[slot] = Some(file);
        self.sequence = sequence;
        self.meta = Some(manifest.meta);
        Ok(())
    }
}

/// Opens one of the two files for writing, or makes it.
fn open_slot(device: &dyn Device, name: &str) -> Result<Arc<dyn DeviceFile>, BackendError> {
    let opened = match device.open(name, OpenMode::Write) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            device.open(name, OpenMode::CreateNew)
        }
        opened => opened,
    };
    opened.map_err(|error| BackendError::io("open", name, error))
}
